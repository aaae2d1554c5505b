import type { EmulatorRequest } from './emulator-request.js';

/** A request with its answer's status, without the body, which can be large. */
export interface LoggedRequest extends Omit<EmulatorRequest, 'body'> {
  /** The HTTP status sent, or 0 when the connection was dropped. */
  readonly status: number;
}

/** What was asked of an emulator: counters that never forget, and the latest requests. */
export class RequestLog {
  #counts = new Map<string, number>();
  #recent: LoggedRequest[] = [];
  #next = 0;

  constructor(private readonly capacity = 1000) {}

  /**
   * @param operation `token`, `graphql`, `rest`, a root field such as `orderById`, or a REST call such as `sendEvent`.
   * @returns the number of requests since the start or the last {@link clear}, also failed ones.
   */
  count(operation: string): number {
    return this.#counts.get(operation) ?? 0;
  }

  /** Every counter by name. */
  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  /** The latest requests (at most the capacity), oldest first, optionally of one operation. */
  recent(operation?: string): readonly LoggedRequest[] {
    const ordered = [...this.#recent.slice(this.#next), ...this.#recent.slice(0, this.#next)];
    if (operation === undefined) return ordered;
    return ordered.filter(({ operation: own, fields }) => own === operation || fields.includes(operation));
  }

  /** Forgets every counter and every request. */
  clear(): void {
    this.#counts.clear();
    this.#recent = [];
    this.#next = 0;
  }

  /** @internal */
  record(request: EmulatorRequest, status: number): void {
    this.#count(request.operation);
    for (const field of request.fields) this.#count(field);
    if (this.capacity <= 0) return;
    const { body: _, ...kept } = request;
    this.#recent[this.#next] = { ...kept, status };
    this.#next = (this.#next + 1) % this.capacity;
  }

  #count(name: string): void {
    this.#counts.set(name, this.count(name) + 1);
  }
}
