import * as fc from 'fast-check';
import { pino } from 'pino';
import { describe, expect, it, vi } from 'vitest';
import {
  CommercetoolsOrders,
  ConflictError,
  ORDER_STATES,
  PAYMENT_STATES,
  SHIPMENT_STATES,
  orderUpdateActions,
  untypedAction,
  type CommercetoolsOrder,
  type OrderLookup,
  type OrderStates,
  type OrderUpdate,
  type OrderUpdateAction,
} from '../commercetools/index.js';
import type { ConnectorConfig, RetailerScope } from '../config/index.js';
import { PermanentError } from '../errors.js';
import type { FluentClient, FluentOrder } from '../fluent/index.js';
import { SettingsStatusMapper, type StatusMapper } from '../mapping/index.js';
import type { ConnectorMetrics } from '../metrics/index.js';
import type { PassedStatus, StatusHistory } from '../status-history/index.js';
import type { HookFieldsCheck } from './hook-fields-check.js';
import type { HookedOrder, OrderStatusHookContract } from './order-status-hook.js';
import type { OrderStatusHooks } from './order-status-hooks.js';
import type { OrderOwners } from './order-owners.js';
import { OrderStatusSync } from './order-status-sync.js';
import { SkippedStatuses } from './skipped-statuses.js';
import { STATE_FIELDS, stateByHistory, type StateField } from './states-by-history.js';

// The pause after a conflict is only politeness; the scheduler decides who is next.
vi.mock('node:timers/promises', () => ({ setTimeout: async () => undefined }));

const ORDER = { id: '1', ref: 'O_1' };
const SCOPE = { account: { id: 'ACME' }, retailerId: '1', project: { key: 'shop' } } as RetailerScope;
const logger = pino({ level: 'silent' });
/** One for all: tracing its stack anew would take a tenth of the time. */
const CONFLICT = new ConflictError('conflict');
/** Written by a payment provider; no mapping of these tests gives it. */
const FOREIGN = 'CreditOwed';

/**
 * By status, the states that each mapping gives; the statuses are numbered as the order passes them. The
 * shipment state differs for every status and tells which status was written. The others have gaps, and
 * statuses that give the same state.
 */
interface Mappings {
  readonly orderState: readonly (OrderStates['orderState'] | undefined)[];
  readonly paymentState: readonly (OrderStates['paymentState'] | undefined)[];
}

const DISTINCT: Mappings = { orderState: ORDER_STATES, paymentState: PAYMENT_STATES };

type Step = (label: string) => Promise<unknown>;

interface Calls {
  readonly statesOf: (status: string) => OrderStates;
  readonly find: () => Promise<CommercetoolsOrder>;
  readonly getOrder: () => Promise<FluentOrder>;
  readonly passed: () => Promise<readonly PassedStatus[]>;
  readonly apply: (order: CommercetoolsOrder, actions: readonly OrderUpdateAction[]) => Promise<void>;
}

/** Both systems, in memory; every call is a step before it is carried out, and one before it is answered. */
class World {
  status = 0;
  /** How many statuses the audit log shows. */
  logged = 1;
  version = 1;
  states: OrderStates = { orderState: 'Open' };
  /** The statuses whose states were written, in order. */
  readonly written: number[] = [];

  constructor(
    readonly mappings: Mappings,
    readonly step: Step,
    /** Whether the audit log shows a status some time after the order has it. */
    readonly logLags = false,
  ) {}

  private async call<T>(label: string, carryOut: () => T, slowness = 0): Promise<T> {
    await this.step(label);
    const answer = carryOut();
    for (let waited = 0; waited <= slowness; waited++) await this.step(`${label} answered`);
    return answer;
  }

  statesOf(status: string): OrderStates {
    const { orderState, paymentState } = this.mappings;
    const index = Number(status);
    const all = {
      orderState: orderState[index],
      paymentState: paymentState[index],
      shipmentState: SHIPMENT_STATES[index],
    };
    return Object.fromEntries(Object.entries(all).filter(([, state]) => state !== undefined));
  }

  /** What one sync after every single status would have left. */
  get statesInTurn(): OrderStates {
    return Array.from({ length: this.status + 1 }, (_, status) => this.statesOf(String(status))).reduce(
      (states, next) => ({ ...states, ...next }),
      { orderState: 'Open' },
    );
  }

  /** What one sync can do; each of its answers takes that many steps more. */
  calls(slowness = 0): Calls {
    const call = <T>(label: string, carryOut: () => T): Promise<T> => this.call(label, carryOut, slowness);
    return {
      statesOf: (status) => this.statesOf(status),
      find: () =>
        call(
          'read commercetools',
          () => ({ id: 'ct-1', version: this.version, ...this.states }) as CommercetoolsOrder,
        ),
      getOrder: () =>
        call('read Fluent', () => ({ status: String(this.status), retailerId: '1' }) as FluentOrder),
      passed: () =>
        call('read the history', () =>
          Array.from({ length: this.logged }, (_, status) => ({
            status: String(status),
            at: new Date(status),
          })),
        ),
      apply: (order, actions) =>
        call('write', () => {
          if (order.version !== this.version) throw CONFLICT;
          if (actions.some((action) => 'refused' in action)) throw new PermanentError('refused');
          this.version += 3;
          const fields = actions.map((action) => Object.values(action)[0] as OrderStates);
          this.states = Object.assign({}, this.states, ...fields);
          this.written.push(SHIPMENT_STATES.findIndex((state) => state === this.states.shipmentState));
        }),
    };
  }

  /** Somebody else changes something of the order. */
  async writeFromOutside(states: OrderStates = {}): Promise<void> {
    await this.call('outside write', () => {
      this.version += 1;
      this.states = { ...this.states, ...states };
    });
  }

  async advance(): Promise<void> {
    await this.call('Fluent moves', () => {
      this.status += 1;
      if (!this.logLags) this.logged += 1;
    });
  }

  async showInLog(): Promise<void> {
    await this.call('the log shows one more', () => (this.logged += 1));
  }
}

/** How a sync ended, as far as the delivery needs it. */
interface Ended {
  readonly outcome?: string;
  readonly skipped?: { readonly isBehind?: boolean };
}

type Sync = (calls: Calls) => Promise<Ended>;

const everyStatus = SHIPMENT_STATES.map((_, status) => String(status));

/** A hook with the actions that it adds. */
interface TestHook {
  readonly isRequired: boolean;
  readonly actions: NonNullable<OrderStatusHookContract['actions']>;
}

function product(calls: Calls, added: readonly TestHook[] = [], states = calls.statesOf) {
  const all = added.map(({ isRequired, actions }, index) => ({
    instance: { actions },
    options: {},
    name: `Hook${index}`,
    isRequired,
  }));
  const hooks = {
    all,
    seenBy: (_: unknown, order: HookedOrder) => order,
    fieldsOf: () => undefined,
    noteFailure: () => undefined,
  };
  const config = {
    orderNotFoundMaxAgeSeconds: 1,
    statusHistory: { isOn: true, changeRules: [] },
  } as unknown as ConnectorConfig;
  const mapper: StatusMapper = {
    map: async ({ status }) => states(status),
    overview: async () => ({
      sources: [],
      statuses: new Map(everyStatus.map((status) => [status, states(status)])),
    }),
  };
  const history: StatusHistory = { passed: calls.passed };
  const lookup: OrderLookup = { find: calls.find };
  const update: OrderUpdate = { apply: calls.apply };
  const metrics = { conflicts: { inc: () => undefined } } as unknown as ConnectorMetrics;
  return new OrderStatusSync(
    lookup,
    new CommercetoolsOrders(lookup, update, config, metrics),
    mapper,
    { getOrder: calls.getOrder } as unknown as FluentClient,
    config,
    hooks as unknown as OrderStatusHooks,
    { refusedFor: async () => new Map() } as unknown as HookFieldsCheck,
    new SkippedStatuses(history, mapper, config),
    { mayWrite: async () => true } as unknown as OrderOwners,
    new SettingsStatusMapper({ get: async () => undefined }),
  ).sync(ORDER, SCOPE, { signal: new AbortController().signal, logger });
}

/** Writes the shipment state in place of the mapping. */
const shipmentHook = (calls: Calls): TestHook => ({
  isRequired: true,
  actions: async ({ commercetoolsOrder, fluentOrder }) =>
    orderUpdateActions(commercetoolsOrder, {
      shipmentState: calls.statesOf(fluentOrder.status).shipmentState,
    }),
});
const withoutShipment = (calls: Calls) => (status: string) => ({
  ...calls.statesOf(status),
  shipmentState: undefined,
});

const productWithHook = (calls: Calls): Promise<Ended> =>
  product(calls, [shipmentHook(calls)], withoutShipment(calls));

/** Each update that has its actions is refused, so the states and the other hook's actions are written apart. */
const REFUSED_HOOK: TestHook = { isRequired: false, actions: () => [untypedAction('refused', {})] };

const productWithRefusedHook = (calls: Calls): Promise<Ended> =>
  product(calls, [REFUSED_HOOK, shipmentHook(calls)], withoutShipment(calls));

interface Reads {
  readonly current: CommercetoolsOrder;
  readonly status: string;
  readonly passed: readonly PassedStatus[];
}

/** The sync once more, in a form in which each of its rules can be broken alone. */
interface Rules {
  readonly read: (calls: Calls) => Promise<Reads>;
  /** What a state becomes that the present status leaves alone. */
  readonly fill: (
    field: StateField,
    current: string | undefined,
    given: readonly (string | undefined)[],
  ) => unknown;
  /** What a round after a conflict works with. */
  readonly again: (first: Reads, second: Reads) => Reads;
}

const RIGHT: Rules = {
  read: async (calls) => {
    const current = await calls.find();
    const { status } = await calls.getOrder();
    return { current, status, passed: await calls.passed() };
  },
  fill: (field, current, given) =>
    stateByHistory(
      field,
      current,
      given.filter((state) => state !== undefined),
    ),
  again: (_first, second) => second,
};

const syncBy =
  (rules: Rules): Sync =>
  async (calls) => {
    let first: Reads | undefined;
    let isBehind = false;
    await untilNoConflict(async () => {
      const second = await rules.read(calls);
      const reads = first ? rules.again(first, second) : second;
      first ??= second;
      const { current, status, passed } = reads;
      const mapped = calls.statesOf(status);
      const filled = STATE_FIELDS.filter((field) => mapped[field] === undefined).map((field) => [
        field,
        rules.fill(
          field,
          current[field],
          passed.map((each) => calls.statesOf(each.status)[field]),
        ),
      ]);
      isBehind = filled.length > 0 && passed.at(-1)?.status !== status;
      const actions = orderUpdateActions(current, { ...mapped, ...Object.fromEntries(filled) });
      if (actions.length > 0) await calls.apply(current, actions);
    });
    return { skipped: { isBehind } };
  };

/** Tempting ways to write the sync; each must be caught, or the tests of the product prove nothing. */
const wrong: Record<string, Rules> = {
  'reads Fluent first': {
    ...RIGHT,
    read: async (calls) => {
      const { status } = await calls.getOrder();
      return { status, current: await calls.find(), passed: await calls.passed() };
    },
  },
  'reads both orders at once': {
    ...RIGHT,
    read: async (calls) => {
      const [current, { status }] = await Promise.all([calls.find(), calls.getOrder()]);
      return { current, status, passed: await calls.passed() };
    },
  },
  'answers a conflict with the old actions': {
    ...RIGHT,
    again: (old, { current }) => ({ ...old, current }),
  },
  'reads the history before the orders': {
    ...RIGHT,
    read: async (calls) => {
      const passed = await calls.passed();
      const current = await calls.find();
      return { current, status: (await calls.getOrder()).status, passed };
    },
  },
  'takes the newest status of the history instead of the newest with an entry': {
    ...RIGHT,
    fill: (_field, _current, given) => given.at(-1),
  },
  'overwrites a state that somebody else has written': {
    ...RIGHT,
    fill: (_field, _current, given) => given.filter((state) => state !== undefined).at(-1),
  },
};

/** Fixed, so that an unlucky run does not turn the build red; these find their fault soonest. */
const SEEDS: Record<string, number> = { 'reads both orders at once': 4 };

async function untilNoConflict<T>(attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
    }
  }
}

/** Any number of workers; a notification that waits is covered by a run that began after its acceptance. */
class Delivery {
  private clock = 0;
  private covered = 0;

  constructor(
    private readonly world: World,
    private readonly sync: Sync,
  ) {}

  /**
   * @param late steps between the status change and the run.
   * @param slowness steps that each answer takes more.
   */
  async deliver({ late, slowness }: Pace): Promise<void> {
    let accepted = ++this.clock;
    for (let waited = 0; waited < late; waited++) await this.world.step('under way');
    while (this.covered < accepted) {
      const began = ++this.clock;
      // What the queue does with a sync that met too many conflicts.
      const { skipped } = await untilNoConflict(() => this.sync(this.world.calls(slowness)));
      // A log that does not lag needs no second look: the sync must be right without one.
      if (!skipped?.isBehind || !this.world.logLags) {
        this.covered = Math.max(this.covered, began);
        return;
      }
      do await this.world.step('recheck delay');
      while (this.world.logged <= this.world.status);
      // A run that began before may have ended without a write, and then this one has written an old state.
      accepted = ++this.clock;
    }
  }
}

/** How slowly a notification is worked on. */
interface Pace {
  readonly late: number;
  readonly slowness: number;
}

/** What happens at one status of the walk. */
interface Change {
  /** Each copy of the notification; without copies it is lost. */
  readonly copies: readonly Pace[];
  readonly outsideWrite: boolean;
}

interface Walk {
  readonly mappings: Mappings;
  readonly changes: readonly Change[];
  /** At which change somebody else sets the payment state, if at any. */
  readonly foreignAt?: number;
  /** The sync by reconciliation after the last change. */
  readonly reconciled: Pace;
  readonly logLags: boolean;
}

const states = <T>(...values: T[]): fc.Arbitrary<(T | undefined)[]> =>
  fc.array(fc.option(fc.constantFrom(...values), { nil: undefined }), {
    minLength: SHIPMENT_STATES.length,
    maxLength: SHIPMENT_STATES.length,
  });

const paces: fc.Arbitrary<Pace> = fc.record({ late: fc.nat(6), slowness: fc.nat(4) });

const walks: fc.Arbitrary<Walk> = fc.record(
  {
    mappings: fc.record({
      orderState: states('Open', 'Confirmed', 'Complete'),
      // Two values, so that an order often comes back to a state that it has had.
      paymentState: states('Pending', 'Paid'),
    }),
    changes: fc.array(fc.record({ copies: fc.array(paces, { maxLength: 2 }), outsideWrite: fc.boolean() }), {
      minLength: 1,
      maxLength: SHIPMENT_STATES.length - 1,
    }),
    foreignAt: fc.nat(SHIPMENT_STATES.length),
    reconciled: paces,
    logLags: fc.boolean(),
  },
  { requiredKeys: ['mappings', 'changes', 'reconciled', 'logLags'] },
);

/** The order walks; its notifications are late, lost or repeated, the log lags, and others write meanwhile. */
async function walked(sync: Sync, scheduler: fc.Scheduler, walk: Walk): Promise<World> {
  const world = new World(
    walk.mappings,
    (label) => scheduler.schedule(Promise.resolve(), label),
    walk.logLags,
  );
  const delivery = new Delivery(world, sync);
  const work: Promise<unknown>[] = [];
  const log = async (): Promise<void> => {
    while (world.logged <= walk.changes.length) {
      if (world.logged <= world.status) await world.showInLog();
      else await world.step('the log waits');
    }
  };
  const everything = async (): Promise<void> => {
    if (walk.logLags) work.push(log());
    for (const [index, { copies, outsideWrite }] of walk.changes.entries()) {
      await world.advance();
      for (const pace of copies) work.push(delivery.deliver(pace));
      if (outsideWrite) work.push(world.writeFromOutside());
      if (walk.foreignAt === index) await world.writeFromOutside({ paymentState: FOREIGN });
    }
    work.push(delivery.deliver(walk.reconciled));
    while (work.length > 0) await Promise.all(work.splice(0));
  };
  // After every step, everybody goes on as far as they can.
  await scheduler.waitFor(everything(), async (run) => {
    await run();
    await new Promise(setImmediate);
  });
  return world;
}

/** What the shopper would see that must not be: a step back, or states that the history does not give. */
function faults(
  { written, states: last, statesInTurn, mappings, status }: World,
  foreignAt?: number,
): string[] {
  const found: string[] = [];
  written.forEach((each, index) => {
    const before = written[index - 1] ?? 0;
    if (each < before) found.push(`went back from ${before} to ${each}`);
  });
  for (const field of STATE_FIELDS) {
    const allowed: unknown[] = [statesInTurn[field]];
    if (field === 'paymentState' && foreignAt !== undefined && foreignAt < status) {
      // What somebody else writes stays while the status has no entry.
      const laterEntries = mappings.paymentState.slice(foreignAt + 1, status + 1);
      if (laterEntries.every((state) => state === undefined)) allowed.length = 0;
      allowed.push(FOREIGN);
    }
    if (!allowed.includes(last[field])) {
      found.push(`${field} is ${last[field]} instead of ${allowed.join(' or ')}`);
    }
  }
  return found;
}

const convergence = (sync: Sync) =>
  fc.asyncProperty(fc.scheduler(), walks, async (scheduler, walk) => {
    const world = await walked(sync, scheduler, walk);
    expect(faults(world, walk.foreignAt)).toEqual([]);
  });

const expectConvergence = (sync: Sync, numRuns: number): Promise<void> =>
  fc.assert(convergence(sync), { numRuns });

describe('convergence under random interleavings', () => {
  it('ends with the states that one sync after every status would have left, and never goes back', async () => {
    await expectConvergence(product, 700);
  }, 60_000);

  it('does so also with what hooks compute', async () => {
    await expectConvergence(productWithHook, 250);
  }, 60_000);

  it('does so also while commercetools refuses the actions of a hook', async () => {
    await expectConvergence(productWithRefusedHook, 250);
  }, 60_000);

  it('finds nothing wrong with the rules that the wrong syncs below break one by one', async () => {
    await expectConvergence(syncBy(RIGHT), 250);
  }, 60_000);

  it.each(Object.keys(wrong))(
    'would notice a sync that %s',
    async (name) => {
      const result = await fc.check(convergence(syncBy(wrong[name]!)), {
        seed: SEEDS[name] ?? 1,
        numRuns: 5000,
        endOnFailure: true,
      });
      expect(result.failed).toBe(true);
    },
    60_000,
  );

  it('shrinks a counterexample', async () => {
    const fault = syncBy(wrong['reads Fluent first']!);
    const { numShrinks } = await fc.check(convergence(fault), { seed: 1, numRuns: 1000 });
    expect(numShrinks).toBeGreaterThan(0);
  }, 60_000);
});

/** Runs one sync up to a step, lets something else happen, then lets it go on. */
class Held {
  private readonly waiting = new Map<string, () => void>();
  readonly world: World;

  constructor() {
    const step = (label: string): Promise<void> => new Promise((go) => this.waiting.set(label, go));
    this.world = new World(DISTINCT, step);
    this.world.states = this.world.statesOf('0');
    this.world.written.push(0);
  }

  async passThrough(...labels: string[]): Promise<void> {
    for (const label of labels) {
      await vi.waitFor(() => expect([...this.waiting.keys()]).toContain(label), {
        timeout: 30_000,
        interval: 1,
      });
      const go = this.waiting.get(label);
      this.waiting.delete(label);
      go?.();
    }
  }

  /** What another worker, whose steps nobody holds, does completely. */
  newerStatusIsWritten(): void {
    this.world.status += 1;
    this.world.states = { ...this.world.states, ...this.world.statesOf(String(this.world.status)) };
    this.world.version += 1;
    this.world.written.push(this.world.status);
  }
}

const read = (system: string): string[] => [`read ${system}`, `read ${system} answered`];
const WRITE = ['write', 'write answered'];

describe('convergence when one sync is held between its steps', () => {
  it('before its first read: finds everything done', async () => {
    const held = new Held();
    const done = product(held.world.calls());
    held.newerStatusIsWritten();
    await held.passThrough(...read('commercetools'), ...read('Fluent'));
    expect(await done).toMatchObject({ outcome: 'unchanged' });
    expect(faults(held.world)).toEqual([]);
  });

  it('after it read commercetools: meets a conflict and reads again', async () => {
    const held = new Held();
    held.world.status = 1;
    const done = product(held.world.calls());
    await held.passThrough(...read('commercetools'));
    held.newerStatusIsWritten();
    await held.passThrough(...read('Fluent'), 'write');
    await held.passThrough(...read('commercetools'), ...read('Fluent'));
    expect(await done).toMatchObject({ outcome: 'unchanged', status: '2' });
    expect(faults(held.world)).toEqual([]);
  });

  it('after it read Fluent: does not put the old status back', async () => {
    const held = new Held();
    held.world.status = 1;
    const done = product(held.world.calls());
    await held.passThrough(...read('commercetools'), ...read('Fluent'));
    held.newerStatusIsWritten();
    await held.passThrough('write');
    await held.passThrough(...read('commercetools'), ...read('Fluent'));
    expect(await done).toMatchObject({ outcome: 'unchanged', status: '2' });
    expect(faults(held.world)).toEqual([]);
  });

  it('with its write under way while Fluent moves on: the next notification does the rest', async () => {
    const held = new Held();
    held.world.status = 1;
    const first = product(held.world.calls());
    await held.passThrough(...read('commercetools'), ...read('Fluent'));
    held.world.status = 2;
    await held.passThrough(...WRITE);
    await first;
    const second = product(held.world.calls());
    await held.passThrough(...read('commercetools'), ...read('Fluent'), ...WRITE);
    expect(await second).toMatchObject({ outcome: 'updated', status: '2' });
    expect(held.world.written).toEqual([0, 1, 2]);
  });

  it('after a conflict with another client: writes the status that Fluent has by then', async () => {
    const held = new Held();
    held.world.status = 1;
    const done = product(held.world.calls());
    await held.passThrough(...read('commercetools'), ...read('Fluent'));
    held.world.version += 1;
    held.world.status = 2;
    await held.passThrough('write');
    await held.passThrough(...read('commercetools'), ...read('Fluent'), ...WRITE);
    expect(await done).toMatchObject({ outcome: 'updated', status: '2' });
    expect(held.world.written).toEqual([0, 2]);
  });
});
