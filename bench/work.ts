import { setTimeout as delay } from 'node:timers/promises';
import type { PrivateRedis, WebhookKeys } from '../src/testing/index.js';
import { Child } from './child.js';
import { ConnectorProcess } from '../test/support/connector-process.js';
import { load } from './load.js';
import { median } from './median.js';
import { signedWebhooks } from './signed-webhooks.js';

const ROUNDS = 3;
const NOTIFICATIONS = 6000;
const CONCURRENCY = '64';
const GIVE_UP_MS = 120_000;

/** Work with 20 ms latency on both emulators, beside a plain script that makes the same calls, in turns. */
export async function benchWork(
  redis: PrivateRedis,
  keys: WebhookKeys,
  emulators: Child,
  environment: Record<string, string>,
): Promise<string[]> {
  const bare: number[] = [];
  const ours: number[] = [];
  let calls = 0;
  for (let round = 0; round < ROUNDS; round++) {
    bare.push(await bareWork(redis, emulators, environment));
    const run = await connectorWork(redis, keys, emulators, environment, 1);
    ours.push(run.perSecond);
    calls = run.callsPerNotification;
  }
  const burst = await connectorWork(redis, keys, emulators, environment, 10);
  return [
    `| work, plain script | ${Math.round(median(bare))}/s | |`,
    `| work, connector | ${Math.round(median(ours))}/s (at least 700) | ${(median(ours) / median(bare)).toFixed(2)} × |`,
    `| upstream calls per notification, no bursts | ${calls.toFixed(2)} (below 3.2) | |`,
    `| upstream calls per notification, ten waiting per order | ${burst.callsPerNotification.toFixed(2)} (below 1) | ${Math.round(burst.perSecond)}/s |`,
  ];
}

let nextOrder = 0;

/** Orders that nobody has touched yet: `BOOKED` in Fluent, `Open` in commercetools. */
async function freshOrders(emulators: Child, count: number): Promise<number> {
  const from = nextOrder;
  nextOrder += count;
  await emulators.ask({ kind: 'add', from, count, status: 'BOOKED' });
  return from;
}

async function bareWork(
  redis: PrivateRedis,
  emulators: Child,
  environment: Record<string, string>,
): Promise<number> {
  const from = await freshOrders(emulators, NOTIFICATIONS);
  const { child, ready } = await Child.start<{ perSecond: number }>('bare-worker.child.ts', {
    ...environment,
    REDIS_URL: redis.url,
    FROM: String(from),
    COUNT: String(NOTIFICATIONS),
    CONCURRENCY,
  });
  await child.stop();
  await redis.flush();
  return ready.perSecond;
}

/** Notifications wait in the queue; the clock runs from the worker's first until its last. */
export async function connectorWork(
  redis: PrivateRedis,
  keys: WebhookKeys,
  emulators: Child,
  environment: Record<string, string>,
  waitingPerOrder: number,
  whenDone: () => Promise<void> = async () => undefined,
): Promise<{ perSecond: number; callsPerNotification: number }> {
  const orders = NOTIFICATIONS / waitingPerOrder;
  const from = await freshOrders(emulators, orders);
  const webhooks = signedWebhooks(keys, NOTIFICATIONS, { from, orders, entityStatus: 'BOOKED' });
  const ingress = await ConnectorProcess.start({ ...environment, CONNECTOR_ROLE: 'ingress' });
  const { accepted } = await load(ingress.webhookUrl, webhooks, 20);
  await ingress.stop();

  const before = await emulators.ask<{ calls: number }>({ kind: 'calls' });
  const worker = await ConnectorProcess.start({
    ...environment,
    CONNECTOR_ROLE: 'worker',
    QUEUE_CONCURRENCY: CONCURRENCY,
  });
  try {
    const first = { at: performance.now(), done: await worker.metric('notifications_total') };
    let last = first;
    const giveUpAt = Date.now() + GIVE_UP_MS;
    while (last.done < accepted) {
      if (Date.now() > giveUpAt)
        throw new Error(`${last.done} of ${accepted} notifications after ${GIVE_UP_MS} ms`);
      // Each question costs the worker a scrape.
      await delay(250);
      last = { at: performance.now(), done: await worker.metric('notifications_total') };
    }
    const after = await emulators.ask<{ calls: number }>({ kind: 'calls' });
    const wrong = await emulators.ask<{ orders: number }>({
      kind: 'disagreeing',
      status: 'BOOKED',
      orderState: 'Confirmed',
    });
    await whenDone();
    if (wrong.orders > 0) throw new Error(`${wrong.orders} orders do not agree`);
    return {
      perSecond: ((last.done - first.done) * 1000) / (last.at - first.at),
      callsPerNotification: (after.calls - before.calls) / accepted,
    };
  } finally {
    await worker.stop();
    await redis.flush();
  }
}
