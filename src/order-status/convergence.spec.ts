import { pino } from 'pino';
import { describe, expect, it, vi } from 'vitest';
import {
  ConflictError,
  ORDER_STATES,
  PAYMENT_STATES,
  orderUpdateActions,
  type CommercetoolsOrder,
  type OrderLookup,
  type OrderStates,
  type OrderUpdate,
  type OrderUpdateAction,
} from '../commercetools/index.js';
import type { ConnectorConfig, RetailerScope } from '../config/index.js';
import type { FluentClient, FluentOrder } from '../fluent/index.js';
import type { StatusMapper } from '../mapping/index.js';
import type { ConnectorMetrics } from '../metrics/index.js';
import { SeededRandom } from '../testing/seeded-random.js';
import type { OrderStatusHooks } from './order-status-hooks.js';
import { OrderStatusSync } from './order-status-sync.js';

// The pause after a conflict is only politeness; the scheduler decides who is next.
vi.mock('node:timers/promises', () => ({ setTimeout: async () => undefined }));

/** Statuses that the order walks through, each with other states than the one before. */
const STATUSES = 8;
const ORDER = { id: '1', ref: 'O_1' };
const SCOPE = { account: { id: 'ACME' }, retailerId: '1', project: { key: 'shop' } } as RetailerScope;
const logger = pino({ level: 'silent' });

function statesOf(status: string): OrderStates {
  const step = Number(status);
  return {
    orderState: ORDER_STATES[step % ORDER_STATES.length],
    paymentState: PAYMENT_STATES[step % PAYMENT_STATES.length],
  };
}

/** Decides which of the waiting steps comes next; everything else happens in between. */
class Scheduler {
  private readonly waiting: { readonly label: string; readonly go: () => void }[] = [];

  constructor(private readonly random: SeededRandom) {}

  step(label: string): Promise<void> {
    return new Promise((go) => {
      this.waiting.push({ label, go });
    });
  }

  /** Lets the steps go one by one until the work is done. */
  async drive(work: Promise<unknown>): Promise<void> {
    let done = false;
    const end = (): void => void (done = true);
    work.then(end, end);
    for (;;) {
      await new Promise(setImmediate);
      if (done) break;
      const index = this.random.integer(0, this.waiting.length - 1);
      this.waiting.splice(index, 1)[0]?.go();
    }
    await work;
  }
}

/** Both systems, in memory; every call is a step before it is carried out, and one before it is answered. */
class World {
  status = 0;
  version = 1;
  states: OrderStates = statesOf('0');
  /** The statuses whose states were written, in order. */
  readonly written: number[] = [0];

  constructor(private readonly scheduler: Scheduler) {}

  private async call<T>(label: string, carryOut: () => T): Promise<T> {
    await this.scheduler.step(label);
    const answer = carryOut();
    await this.scheduler.step(`${label} answered`);
    return answer;
  }

  readonly find = (): Promise<CommercetoolsOrder> =>
    this.call(
      'read commercetools',
      () => ({ id: 'ct-1', version: this.version, ...this.states }) as CommercetoolsOrder,
    );

  readonly getOrder = (): Promise<FluentOrder> =>
    this.call('read Fluent', () => ({ status: String(this.status), retailerId: '1' }) as FluentOrder);

  readonly apply = (order: CommercetoolsOrder, actions: readonly OrderUpdateAction[]): Promise<void> =>
    this.call('write', () => {
      if (order.version !== this.version) throw new ConflictError('conflict');
      this.version += 3;
      const fields = actions.map((action) => Object.values(action)[0] as OrderStates);
      this.states = Object.assign({}, this.states, ...fields);
      this.written.push(this.statusShown());
    });

  /** Somebody else changes something else of the order. */
  async writeFromOutside(): Promise<void> {
    await this.call('outside write', () => (this.version += 1));
  }

  async advance(): Promise<void> {
    await this.call('Fluent moves', () => (this.status += 1));
  }

  private statusShown(): number {
    const shown = JSON.stringify([this.states.orderState, this.states.paymentState]);
    for (let status = this.status; status >= 0; status--) {
      if (JSON.stringify(Object.values(statesOf(String(status)))) === shown) return status;
    }
    return -1;
  }
}

type Sync = (world: World) => Promise<unknown>;

function productWith(mapper: StatusMapper, hooks: Partial<OrderStatusHooks>): Sync {
  const all = { skippedBy: async () => undefined, actions: async () => [], ...hooks };
  return (world) =>
    new OrderStatusSync(
      { find: world.find } satisfies OrderLookup,
      { apply: world.apply } satisfies OrderUpdate,
      mapper,
      { getOrder: world.getOrder } as unknown as FluentClient,
      { orderNotFoundMaxAgeSeconds: 1 } as ConnectorConfig,
      { conflicts: { inc: () => undefined } } as unknown as ConnectorMetrics,
      all as OrderStatusHooks,
    ).sync(ORDER, SCOPE, { signal: new AbortController().signal, logger });
}

const product = productWith({ map: async (order) => statesOf(order.status) }, {});

/** The same states, but every one of them written by a hook. */
const productByHooks = productWith(
  { map: async () => ({}) },
  {
    actions: async ({ commercetoolsOrder, fluentOrder }) =>
      orderUpdateActions(commercetoolsOrder, statesOf(fluentOrder.status)),
  },
);

/** Tempting ways to write the sync; each must be caught, or the test below proves nothing. */
const wrong: Record<string, Sync> = {
  'reads Fluent first': async (world) => {
    await untilNoConflict(async () => {
      const { status } = await world.getOrder();
      const current = await world.find();
      await writeIfDifferent(world, current, status);
    });
  },
  'reads both at once': async (world) => {
    await untilNoConflict(async () => {
      const [current, { status }] = await Promise.all([world.find(), world.getOrder()]);
      await writeIfDifferent(world, current, status);
    });
  },
  'answers a conflict with the old actions': async (world) => {
    const first = await world.find();
    const { status } = await world.getOrder();
    let current = first;
    await untilNoConflict(async (round) => {
      if (round > 1) current = await world.find();
      await writeIfDifferent(world, current, status);
    });
  },
};

async function writeIfDifferent(world: World, current: CommercetoolsOrder, status: string): Promise<void> {
  const actions = orderUpdateActions(current, statesOf(status));
  if (actions.length > 0) await world.apply(current, actions);
}

async function untilNoConflict(attempt: (round: number) => Promise<void>): Promise<void> {
  for (let round = 1; ; round++) {
    try {
      return await attempt(round);
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
    }
  }
}

/** The order walks; each step is told once or twice, late and in any order; others write meanwhile. */
async function randomWalk(sync: Sync, seed: number): Promise<World> {
  const random = new SeededRandom(seed);
  const scheduler = new Scheduler(random);
  const world = new World(scheduler);
  const work: Promise<unknown>[] = [];
  const deliver = async (): Promise<void> => {
    for (let late = random.integer(0, 6); late > 0; late--) await scheduler.step('under way');
    // What the queue does with a sync that met too many conflicts.
    await untilNoConflict(async () => void (await sync(world)));
  };
  const walk = async (): Promise<void> => {
    for (let step = 1; step < STATUSES; step++) {
      await world.advance();
      for (let copies = random.chance(0.3) ? 2 : 1; copies > 0; copies--) work.push(deliver());
      if (random.chance(0.4)) work.push(world.writeFromOutside());
    }
  };
  const everything = async (): Promise<void> => {
    await walk();
    while (work.length > 0) await Promise.all(work.splice(0));
  };
  await scheduler.drive(everything());
  return world;
}

/** What the shopper would see that must not be: a step back, or an old status for ever. */
function faults(world: World): string[] {
  const found: string[] = [];
  world.written.forEach((status, index) => {
    const before = world.written[index - 1] ?? 0;
    if (status < before) found.push(`went back from ${before} to ${status}`);
  });
  const last = world.written.at(-1);
  if (last !== world.status) found.push(`ended with ${last} instead of ${world.status}`);
  return found;
}

async function faultsOver(sync: Sync, seeds: number): Promise<string[]> {
  const found: string[] = [];
  for (let seed = 1; seed <= seeds; seed++) {
    for (const fault of faults(await randomWalk(sync, seed))) found.push(`seed ${seed}: ${fault}`);
  }
  return found;
}

describe('convergence under random interleavings', () => {
  it('ends with the last status and never goes back', async () => {
    expect(await faultsOver(product, 1500)).toEqual([]);
  }, 60_000);

  it('does so also with what hooks compute', async () => {
    expect(await faultsOver(productByHooks, 500)).toEqual([]);
  }, 60_000);

  it.each(Object.keys(wrong))(
    'would notice a sync that %s',
    async (name) => {
      expect(await faultsOver(wrong[name]!, 300)).not.toEqual([]);
    },
    60_000,
  );
});

/** Runs one sync up to a step, lets something else happen, then lets it go on. */
class Held {
  private readonly waiting = new Map<string, () => void>();
  readonly world: World;

  constructor() {
    const step = (label: string): Promise<void> => new Promise((go) => this.waiting.set(label, go));
    this.world = new World({ step } as unknown as Scheduler);
  }

  async passThrough(...labels: string[]): Promise<void> {
    for (const label of labels) {
      await vi.waitFor(() => expect([...this.waiting.keys()]).toContain(label), { interval: 1 });
      const go = this.waiting.get(label);
      this.waiting.delete(label);
      go?.();
    }
  }

  /** What another worker, whose steps nobody holds, does completely. */
  newerStatusIsWritten(): void {
    this.world.status += 1;
    this.world.states = { ...this.world.states, ...statesOf(String(this.world.status)) };
    this.world.version += 1;
    this.world.written.push(this.world.status);
  }
}

const read = (system: string): string[] => [`read ${system}`, `read ${system} answered`];
const WRITE = ['write', 'write answered'];

describe('convergence when one sync is held between its steps', () => {
  it('before its first read: finds everything done', async () => {
    const held = new Held();
    const done = product(held.world);
    held.newerStatusIsWritten();
    await held.passThrough(...read('commercetools'), ...read('Fluent'));
    expect(await done).toMatchObject({ outcome: 'unchanged' });
    expect(faults(held.world)).toEqual([]);
  });

  it('after it read commercetools: meets a conflict and reads again', async () => {
    const held = new Held();
    held.world.status = 1;
    const done = product(held.world);
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
    const done = product(held.world);
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
    const first = product(held.world);
    await held.passThrough(...read('commercetools'), ...read('Fluent'));
    held.world.status = 2;
    await held.passThrough(...WRITE);
    await first;
    const second = product(held.world);
    await held.passThrough(...read('commercetools'), ...read('Fluent'), ...WRITE);
    expect(await second).toMatchObject({ outcome: 'updated', status: '2' });
    expect(held.world.written).toEqual([0, 1, 2]);
  });

  it('after a conflict with somebody who wrote something else: writes what Fluent says by then', async () => {
    const held = new Held();
    held.world.status = 1;
    const done = product(held.world);
    await held.passThrough(...read('commercetools'), ...read('Fluent'));
    held.world.version += 1;
    held.world.status = 2;
    await held.passThrough('write');
    await held.passThrough(...read('commercetools'), ...read('Fluent'), ...WRITE);
    expect(await done).toMatchObject({ outcome: 'updated', status: '2' });
    expect(held.world.written).toEqual([0, 2]);
  });
});
