import { Redis } from 'ioredis';
import type { PrivateRedis, WebhookKeys } from '../src/testing/index.js';
import { ConnectorProcess } from '../test/support/connector-process.js';
import { load } from './load.js';
import { median, rounds } from './median.js';
import type { Row } from './report.js';
import { signedWebhooks } from './signed-webhooks.js';
import { connectorWork, type WorkBench } from './work.js';

const WEBHOOKS = 12_000;
const TOPIC = { orders: 1000, entityStatus: 'BOOKED' };
const OFF = { HISTORY_TTL: '0' };
const ON = { HISTORY_TTL: '604800', ADMIN_TOKEN: 'a-token-of-the-benchmark' };

/** What the stories of orders cost ingest, work and Redis: with and without them, in turns. */
export async function benchStories(bench: WorkBench, server: PrivateRedis): Promise<Row[]> {
  const ingest = await ingestRatio(server, bench.keys, bench.environment);
  const ratios: number[] = [];
  let bytesPerOrder = 0;
  for (let round = 0; round < rounds(); round++) {
    const off = await connectorWork(bench, { variables: OFF });
    const whenDone = async (): Promise<void> => {
      bytesPerOrder = await storyBytes(server);
    };
    const on = await connectorWork(bench, { variables: ON, whenDone });
    ratios.push(on.perSecond / off.perSecond);
  }
  return [
    {
      what: 'ingest with stories',
      perSecond: ingest.perSecond,
      beside: `${ingest.ratio.toFixed(2)} × without (at least 0.95)`,
    },
    { what: 'work with stories', beside: `${median(ratios).toFixed(2)} × without (at least 0.95)` },
    { what: 'Redis, story of an order with one notification', note: `${Math.round(bytesPerOrder)} bytes` },
  ];
}

async function ingestRatio(
  redis: PrivateRedis,
  keys: WebhookKeys,
  environment: Readonly<Record<string, string>>,
): Promise<{ perSecond: number; ratio: number }> {
  const off = await ConnectorProcess.start({ ...environment, ...OFF, CONNECTOR_ROLE: 'ingress' });
  const on = await ConnectorProcess.start({ ...environment, ...ON, CONNECTOR_ROLE: 'ingress' });
  try {
    // Unmeasured: both compile their hot paths.
    for (const { webhookUrl } of [off, on]) await load(webhookUrl, signedWebhooks(keys, 4000, TOPIC));
    const runs: { off: number; on: number }[] = [];
    for (let round = 0; round < rounds(); round++) {
      await redis.flush();
      const without = await load(off.webhookUrl, signedWebhooks(keys, WEBHOOKS, TOPIC));
      await redis.flush();
      const withStories = await load(on.webhookUrl, signedWebhooks(keys, WEBHOOKS, TOPIC));
      runs.push({ off: without.perSecond, on: withStories.perSecond });
    }
    return {
      perSecond: Math.round(median(runs.map((run) => run.on))),
      ratio: median(runs.map((run) => run.on / run.off)),
    };
  } finally {
    await off.stop();
    await on.stop();
    await redis.flush();
  }
}

/** What Redis says that the stories use, index included, for each order. */
async function storyBytes({ url }: PrivateRedis): Promise<number> {
  const client = new Redis(url);
  try {
    const orders = await client.zrange('{fluent-connector}:stories', 0, -1);
    let bytes = (await client.memory('USAGE', '{fluent-connector}:stories', 'SAMPLES', 0)) ?? 0;
    for (const order of orders) {
      bytes += (await client.memory('USAGE', `{fluent-connector}:story:${order}`)) ?? 0;
    }
    return bytes / orders.length;
  } finally {
    client.disconnect();
  }
}
