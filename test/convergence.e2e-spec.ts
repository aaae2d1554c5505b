import { Module } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { CommercetoolsModule, ConflictError } from '../src/commercetools/index.js';
import { ConfigModule, ConnectorConfig } from '../src/config/index.js';
import { FluentModule } from '../src/fluent/index.js';
import { GraphqlModule } from '../src/graphql/index.js';
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

// The pause after a conflict is only politeness; the scheduler decides who is next.
vi.mock('node:timers/promises', () => ({ setTimeout: async () => undefined }));

const SEEDS = 100;
const STATUSES = ['BOOKED', 'PICK_PACK', 'AWAITING_COURIER_COLLECTION', 'COMPLETE'];
const RANKS = ['Open', 'Confirmed', 'Complete'];

const fluent = new FluentEmulator({ webhookKeys: generateWebhookKeys() });
const commercetools = new CommercetoolsEmulator();
let redis: PrivateRedis;
let module: TestingModule;
let sync: OrderStatusSync;
let scope: NonNullable<ReturnType<ConnectorConfig['scope']>>;

beforeAll(async () => {
  [redis] = await Promise.all([PrivateRedis.start({ aof: false }), fluent.start(), commercetools.start()]);
  fluent.useReferenceMappings();
  const env = { REDIS_URL: redis.url, ...fluent.environment, ...commercetools.environment };
  @Module({
    imports: [
      ConfigModule.register(env),
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
});
afterAll(async () => {
  await module.close();
  await Promise.all([fluent.stop(), commercetools.stop(), redis.stop()]);
});

/**
 * Holds every read and write at both emulators, before it is carried out and before it is answered, and
 * lets one go whenever everybody who is at work is held.
 */
class Scheduler {
  private readonly held: (() => void)[] = [];
  private atWork = 0;
  private readonly release: (() => void)[];

  constructor(private readonly random: SeededRandom) {
    const hold = async ({ fields }: { fields: readonly string[] }): Promise<void> => {
      if (fields.some((field) => field !== 'settings')) await this.step();
    };
    this.release = [fluent, commercetools].map((emulator) =>
      emulator.intercept({ before: hold, after: hold }),
    );
  }

  step(): Promise<void> {
    return new Promise((go) => this.held.push(go));
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
    const end = (): void => void (done = true);
    everything.then(end, end);
    for (;;) {
      await new Promise(setImmediate);
      if (done) break;
      if (this.held.length < this.atWork || this.held.length === 0) continue;
      this.held.splice(this.random.integer(0, this.held.length - 1), 1)[0]?.();
    }
    for (const release of this.release) release();
    await everything;
  }
}

let serial = 0;

async function randomWalk(seed: number): Promise<{ ref: string; id: string }> {
  const random = new SeededRandom(seed);
  const scheduler = new Scheduler(random);
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
  await scheduler.drive(walk.then(() => Promise.all(work)));
  return { ref, id };
}

describe('convergence of the clients over real HTTP', () => {
  beforeEach(() => commercetools.requests.clear());

  it(
    `ends with the last status and never goes back, over ${SEEDS} random interleavings`,
    { timeout: 240_000 },
    async () => {
      for (let seed = 1; seed <= SEEDS; seed++) {
        const { ref, id } = await randomWalk(seed);
        const order = commercetools.order(ref);
        expect(agreesWithHistory(order, fluent.order(id)!), `seed ${seed} ends as its history demands`).toBe(
          true,
        );
        const seen = order!.history.map(({ orderState }) => RANKS.indexOf(orderState));
        expect(seen, `seed ${seed} goes forward`).toEqual(seen.toSorted((a, b) => a - b));
      }
      expect(commercetools.requests.count('updateOrder')).toBeGreaterThan(SEEDS);
    },
  );
});
