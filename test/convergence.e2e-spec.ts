import { syncBuiltinESMExports } from 'node:module';
import timers from 'node:timers/promises';
import { Module } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CommercetoolsModule, ConflictError } from '../src/commercetools/index.js';
import { ConfigModule, ConnectorConfig } from '../src/config/index.js';
import { FluentModule } from '../src/fluent/index.js';
import { GraphqlModule } from '../src/graphql/index.js';
import { LoggingModule } from '../src/logging/index.js';
import { MappingModule } from '../src/mapping/index.js';
import { MetricsModule } from '../src/metrics/index.js';
import { OrderStatusModule, OrderStatusSync } from '../src/order-status/index.js';
import { RedisModule } from '../src/redis/index.js';
import { SettingsModule } from '../src/settings/index.js';
import { StatusHistoryModule } from '../src/status-history/index.js';
import {
  CommercetoolsEmulator,
  FluentEmulator,
  PrivateRedis,
  SeededRandom,
  generateWebhookKeys,
} from '../src/testing/index.js';
import { agreesWithHistory } from './support/agreement.js';

const pause = timers.setTimeout;

const SEEDS = 100;
/** After so many turns, those who are still not held wait for a read that they share with others. */
const SHARED_READ_TURNS = 1000;
const STATUSES = ['BOOKED', 'PICK_PACK', 'AWAITING_COURIER_COLLECTION', 'COMPLETE'];
const RANKS = ['Open', 'Confirmed', 'Complete'];

const fluent = new FluentEmulator({ webhookKeys: generateWebhookKeys() });
const commercetools = new CommercetoolsEmulator();
let redis: PrivateRedis;
let module: TestingModule;
let sync: OrderStatusSync;
let scope: NonNullable<ReturnType<ConnectorConfig['scope']>>;
/** Whether operations that come together share requests. */
let isSharing: boolean;

/** @param setTimeout of `node:timers/promises`, for every module of the process. */
function replacePause(setTimeout: unknown): void {
  Object.assign(timers, { setTimeout });
  syncBuiltinESMExports();
}

beforeAll(async () => {
  // The pause after a conflict is only politeness; the scheduler decides who is next.
  replacePause(async () => undefined);
  [redis] = await Promise.all([PrivateRedis.start({ aof: false }), fluent.start(), commercetools.start()]);
  fluent.useReferenceMappings();
});
afterAll(async () => {
  replacePause(pause);
  await Promise.all([fluent.stop(), commercetools.stop(), redis.stop()]);
});

async function open(batches: Readonly<Record<string, string | undefined>>): Promise<void> {
  const env = { REDIS_URL: redis.url, ...fluent.environment, ...commercetools.environment, ...batches };
  @Module({
    imports: [
      ConfigModule.register(env),
      LoggingModule,
      MetricsModule,
      RedisModule,
      GraphqlModule,
      FluentModule,
      CommercetoolsModule,
      SettingsModule,
      MappingModule,
      StatusHistoryModule,
      OrderStatusModule,
    ],
  })
  class SyncOnly {}
  module = await Test.createTestingModule({ imports: [SyncOnly] }).compile();
  sync = module.get(OrderStatusSync, { strict: false });
  scope = module.get(ConnectorConfig).scope('ACME', '1')!;
}

/**
 * Holds every request at both emulators, before it is carried out and before it is answered, and lets one go whenever
 * everybody who is at work is held. When operations share requests, it often lets all of them go at once, so that what
 * follows them comes together.
 */
class Scheduler {
  private readonly held: { readonly operations: number; readonly go: () => void }[] = [];
  private atWork = 0;
  private readonly release: (() => void)[];

  constructor(private readonly random: SeededRandom) {
    const hold = async ({ fields }: { fields: readonly string[] }): Promise<void> => {
      if (fields.some((field) => field !== 'settings')) await this.step(fields.length);
    };
    this.release = [fluent, commercetools].map((emulator) =>
      emulator.intercept({ before: hold, after: hold }),
    );
  }

  /** @param operations how many of those at work it holds. */
  step(operations = 1): Promise<void> {
    return new Promise((go) => this.held.push({ operations, go }));
  }

  async work<T>(run: () => Promise<T>): Promise<T> {
    this.atWork++;
    try {
      return await run();
    } finally {
      this.atWork--;
    }
  }

  async drive(everything: Promise<unknown>): Promise<void> {
    let done = false;
    let waited = 0;
    const end = (): void => void (done = true);
    everything.then(end, end);
    for (;;) {
      await new Promise(setImmediate);
      if (done) break;
      const atRest = this.held.reduce((sum, { operations }) => sum + operations, 0);
      const isWaiting = atRest < this.atWork && ++waited < SHARED_READ_TURNS;
      if (isWaiting || this.held.length === 0) continue;
      waited = 0;
      const all = isSharing && this.random.chance(0.5);
      for (let released = all ? this.held.length : 1; released > 0; released--) {
        this.held.splice(this.random.integer(0, this.held.length - 1), 1)[0]?.go();
      }
    }
    for (const release of this.release) release();
    await everything;
  }
}

let serial = 0;

interface Walk {
  readonly ref: string;
  readonly id: string;
  readonly everything: Promise<unknown>;
}

/** Random walks of so many orders at once. */
async function randomWalks(seed: number, orders: number): Promise<readonly Walk[]> {
  const random = new SeededRandom(seed);
  const scheduler = new Scheduler(random);
  const walks = Array.from({ length: orders }, () => startWalk(random, scheduler));
  await scheduler.drive(Promise.all(walks.map(({ everything }) => everything)));
  return walks;
}

function startWalk(random: SeededRandom, scheduler: Scheduler): Walk {
  const ref = `O_${++serial}`;
  commercetools.addOrder({ orderNumber: ref });
  const { id } = fluent.addOrder({ ref });
  const signal = new AbortController().signal;
  const options = { signal, logger: pino({ level: 'silent' }), correlationId: 'convergence' };

  const deliver = (): Promise<void> =>
    scheduler.work(async () => {
      for (let late = random.integer(0, 5); late > 0; late--) await scheduler.step();
      for (;;) {
        try {
          await sync.sync({ id, ref }, scope, options);
          return;
        } catch (error) {
          // The queue would run it again.
          if (!(error instanceof ConflictError)) throw error;
        }
      }
    });
  const writeFromOutside = (): Promise<void> =>
    scheduler.work(async () => {
      await scheduler.step();
      commercetools.setStates(ref, {});
    });

  const work: Promise<void>[] = [];
  const walk = scheduler.work(async () => {
    for (const status of STATUSES) {
      await scheduler.step();
      fluent.setStatus(id, status);
      for (let copies = random.chance(0.4) ? 2 : 1; copies > 0; copies--) work.push(deliver());
      if (random.chance(0.4)) work.push(writeFromOutside());
    }
  });
  return { ref, id, everything: walk.then(() => Promise.all(work)) };
}

describe.each([
  { what: 'each alone', batches: { OPERATION_BATCH_READS: '1', OPERATION_BATCH_WRITES: '1' }, orders: 1 },
  { what: 'sharing requests', batches: {}, orders: 8 },
])(
  'convergence of the clients over real HTTP, operations $what',
  { timeout: 240_000 },
  ({ batches, orders }) => {
    beforeAll(async () => {
      isSharing = orders > 1;
      commercetools.requests.clear();
      await open(batches);
    });
    afterAll(() => module.close());

    it(`ends with the last status and never goes back, over ${SEEDS} random interleavings`, async () => {
      let shared = 0;
      const stopCounting = commercetools.intercept(({ fields }) => {
        if (fields.length > 1) shared++;
      });
      for (let seed = 1; seed <= SEEDS / orders; seed++) {
        for (const { ref, id } of await randomWalks(seed, orders)) {
          const order = commercetools.order(ref);
          const agrees = agreesWithHistory(order, fluent.order(id)!);
          expect(agrees, `seed ${seed}, ${ref} ends as its history demands`).toBe(true);
          const seen = order!.history.map(({ orderState }) => RANKS.indexOf(orderState));
          expect(seen, `seed ${seed}, ${ref} goes forward`).toEqual(seen.toSorted((a, b) => a - b));
        }
      }
      stopCounting();
      expect(commercetools.requests.count('updateOrder')).toBeGreaterThan(SEEDS / 2);
      expect(shared > SEEDS / 10).toBe(isSharing);
    });
  },
);
