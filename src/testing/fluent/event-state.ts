import { randomUUID } from 'node:crypto';

/** What the workflow makes of an event. `NO_RULESET`: no ruleset has its name. */
export type EventOutcome = 'COMPLETE' | 'SUCCESS' | 'FAILED' | 'NO_MATCH' | 'NO_RULESET';

/** An event that was sent to the emulator. */
export interface FluentEventEntry {
  readonly id: string;
  readonly name: string;
  readonly mode: 'async' | 'sync';
  readonly retailerId: string;
  /** The body as it came. */
  readonly body: Readonly<Record<string, unknown>>;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
  /** `PENDING` until the workflow has run. */
  readonly eventStatus: string;
  /** What the rule of an asynchronous event threw. */
  readonly error?: unknown;
}

/**
 * The workflow's part of an event: an outcome, or a function that may also change the account (e.g. move the
 * order) and says what the outcome is, `COMPLETE` by default.
 */
export type EventRule =
  EventOutcome | ((event: FluentEventEntry) => EventOutcome | void | Promise<EventOutcome | void>);

interface StoredEvent extends FluentEventEntry {
  eventStatus: string;
  error?: unknown;
}

/** Events beyond this many are forgotten, oldest first. */
const KEPT_EVENTS = 10_000;

/** The events of one emulated account, oldest first. */
export class EventState {
  readonly #events = new Map<string, StoredEvent>();
  readonly #rules = new Map<string, EventRule>();

  constructor(private readonly now: () => number) {}

  setRule(name: string, rule: EventRule): void {
    this.#rules.set(name, rule);
  }

  get events(): readonly FluentEventEntry[] {
    return [...this.#events.values()];
  }

  event(id: string): FluentEventEntry | undefined {
    return this.#events.get(id);
  }

  /** Accepts an event; {@link run} runs the workflow for it. */
  add(mode: 'async' | 'sync', body: Readonly<Record<string, unknown>>): FluentEventEntry {
    const event: StoredEvent = {
      id: randomUUID(),
      name: String(body['name']),
      mode,
      retailerId: String(body['retailerId']),
      body,
      receivedAt: this.now(),
      eventStatus: 'PENDING',
    };
    this.#events.set(event.id, event);
    const [oldest] = this.#events.keys();
    if (this.#events.size > KEPT_EVENTS && oldest !== undefined) this.#events.delete(oldest);
    return event;
  }

  /** Runs the workflow on an event without waiting for its end. */
  start(event: FluentEventEntry): void {
    this.run(event).catch((error: unknown) => {
      Object.assign(event, { eventStatus: 'FAILED', error } satisfies Partial<StoredEvent>);
    });
  }

  /** Runs the workflow on an event. */
  async run({ id }: FluentEventEntry): Promise<EventOutcome> {
    const event = this.#events.get(id);
    if (!event) return 'NO_MATCH';
    const rule = this.#rules.get(event.name) ?? 'COMPLETE';
    const outcome = typeof rule === 'function' ? ((await rule(event)) ?? 'COMPLETE') : rule;
    event.eventStatus = outcome === 'NO_RULESET' ? 'NO_MATCH' : outcome;
    return outcome;
  }
}
