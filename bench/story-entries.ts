import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type ConnectorConfig, parseRedisUrl } from '../src/config/index.js';
import { MemoryMessageQueue, type Delivery, type RunReport } from '../src/delivery/index.js';
import type { OrderStories } from '../src/order-story/index.js';
import { RedisOrderStories } from '../src/order-story/redis-order-stories.js';
import { endedEntry, storyKeyOf } from '../src/order-story/story-entries.js';
import { RedisConnections } from '../src/redis/index.js';
import type { PrivateRedis } from '../src/testing/index.js';
import { sampleNotification } from '../src/testing/sample-notification.js';
import type { RedisAccount } from './accounting.js';
import { median, rounds } from './median.js';
import type { Row } from './report.js';

const ENTRIES = 20_000;
/** As many runs as end together. */
const TOGETHER = 50;
const REASON = 'BOOKED = Confirmed in fc.connect.commercetools.order.order-status-mapping (RETAILER 1)';

/** What the entry of one run costs this process and Redis, beside runs that are not recorded. */
export async function benchStoryEntries(redis: RedisAccount, server: PrivateRedis): Promise<Row> {
  const config = {
    queue: { redis: parseRedisUrl(server.url) },
    history: { ttlSeconds: 604_800, maxMegabytes: 1024 },
  } as ConnectorConfig;
  const connections = new RedisConnections(config);
  const stories = new RedisOrderStories(config, connections, new MemoryMessageQueue());
  await connections.opened();
  const costs: { readonly cpuMicros: number; readonly redisMicros: number }[] = [];
  try {
    // The first turn compiles the hot paths.
    for (let round = -1; round < rounds(); round++) {
      const without = await cpuOf(recorded, () => delay(1));
      const before = await redis.usage();
      // Reading writes first what waits in memory.
      const flush = () => stories.read({ accountId: 'ACME', order: 'nobody' });
      const cpu = await cpuOf((report, delivery) => stories.add(...recorded(report, delivery)), flush);
      const after = await redis.usage();
      if (round < 0) continue;
      costs.push({
        cpuMicros: (cpu - without) / ENTRIES,
        redisMicros: (after.cpuMicros - before.cpuMicros) / ENTRIES,
      });
    }
  } finally {
    await stories.beforeApplicationShutdown();
    connections.onApplicationShutdown();
    await server.flush();
  }
  return {
    what: 'entry of a story by itself',
    cpuMicros: median(costs.map(({ cpuMicros }) => cpuMicros)),
    redisMicros: median(costs.map(({ redisMicros }) => redisMicros)),
  };
}

function recorded(report: RunReport, delivery: Delivery): Parameters<OrderStories['add']> {
  return [storyKeyOf(report.notification)!, endedEntry(report, delivery), delivery.coalesceKey];
}

async function cpuOf(
  use: (report: RunReport, delivery: Delivery) => unknown,
  end: () => Promise<unknown>,
): Promise<number> {
  const before = process.cpuUsage();
  for (let made = 0; made < ENTRIES; made += TOGETHER) {
    for (let n = 0; n < TOGETHER; n++) use(...endedRun());
    await end();
  }
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

let nextOrder = 0;

/** An order that was updated, as the built-in handler reports it. */
function endedRun(): [RunReport, Delivery] {
  const entityId = String(nextOrder++);
  const notification = sampleNotification({
    id: randomUUID(),
    name: 'fc.connect.order.webhook.status-update',
    entityId,
    entityRef: `O_${entityId}`,
    entityStatus: 'BOOKED',
  });
  const details = {
    fluentStatus: 'BOOKED',
    order: `O_${entityId}`,
    orderVersion: 1,
    states: { orderState: 'Open -> Confirmed', paymentState: 'unset', shipmentState: 'unset' },
    reasons: { orderState: REASON, paymentState: REASON, shipmentState: REASON },
  };
  const report: RunReport = { notification, outcome: 'updated', attempt: 1, lagMs: 10, details };
  const acceptedNumber = Date.now() * 1000;
  const delivery: Delivery = {
    id: entityId,
    notification,
    coalesceKey: `OrderStatusHandler:ACME:1:ORDER:${entityId}`,
    acceptedNumber,
    ticket: { number: acceptedNumber + 1 },
    background: false,
    progress: {},
    workerDeaths: 0,
    takenAtMs: Date.now(),
  };
  return [report, delivery];
}
