import { Redis } from 'ioredis';
import type { PrivateRedis } from '../src/testing/index.js';
import { ConnectorProcess } from '../test/support/connector-process.js';
import { lookAt, spentBetween, type Spent } from './accounting.js';
import { load } from './load.js';
import { median, rounds } from './median.js';
import type { Row } from './report.js';
import { signedWebhooks } from './signed-webhooks.js';
import { benchStoryEntries } from './story-entries.js';
import { connectorWork, type WorkBench } from './work.js';

const WEBHOOKS = 12_000;
const TOPIC = { orders: 1000, entityStatus: 'BOOKED' };
/** Without an admin token no story is kept. With it on both sides, the stories alone differ. */
const ADMIN = { ADMIN_TOKEN: 'a-token-of-the-benchmark' };
const OFF = { ...ADMIN, HISTORY_TTL: '0' };
const ON = { ...ADMIN, HISTORY_TTL: '604800' };

/** The outcome's line is of level info. */
const SILENT = { ...OFF, LOG_LEVEL: 'warn' };

/**
 * What the stories of orders cost ingest, work and Redis, and the outcome's line work: with and without them, in turns.
 * By CPU time, because other work on the machine changes how many notifications a second there are.
 */
export async function benchStories(bench: WorkBench, server: PrivateRedis): Promise<Row[]> {
  const entry = await benchStoryEntries(bench.redis, server);
  const ingest = await ingestRatios(bench, server);
  const work: { stories: Ratios; line: number }[] = [];
  let bytesPerOrder = 0;
  for (let round = 0; round < rounds(); round++) {
    const silent = await connectorWork(bench, { variables: SILENT });
    const off = await connectorWork(bench, { variables: OFF });
    const whenDone = async (): Promise<void> => {
      bytesPerOrder = await storyBytes(server);
    };
    const on = await connectorWork(bench, { variables: ON, whenDone });
    work.push({ stories: ratiosOf(on, off), line: off.cpuMicros / silent.cpuMicros });
  }
  return [
    { what: 'ingest with stories', beside: besideOf(ingest) },
    { what: 'work with stories', beside: besideOf(work.map(({ stories }) => stories)) },
    {
      what: "work with the outcome's line",
      beside: `${median(work.map(({ line }) => line)).toFixed(2)} × the CPU without`,
    },
    entry,
    { what: 'Redis, story of an order with one notification', note: `${Math.round(bytesPerOrder)} bytes` },
  ];
}

/** With stories beside without. */
interface Ratios {
  readonly cpu: number;
  readonly redis: number;
}

function ratiosOf(on: Spent, off: Spent): Ratios {
  return { cpu: on.cpuMicros / off.cpuMicros, redis: on.redisMicros / off.redisMicros };
}

function besideOf(ratios: readonly Ratios[]): string {
  const [cpu, redis] = [median(ratios.map((each) => each.cpu)), median(ratios.map((each) => each.redis))];
  return `${cpu.toFixed(2)} × the CPU without (at most 1.05), ${redis.toFixed(2)} × that of Redis`;
}

async function ingestRatios(
  { redis, keys, environment }: WorkBench,
  server: PrivateRedis,
): Promise<Ratios[]> {
  const off = await ConnectorProcess.start({ ...environment, ...OFF, CONNECTOR_ROLE: 'ingress' });
  const on = await ConnectorProcess.start({ ...environment, ...ON, CONNECTOR_ROLE: 'ingress' });
  const spentBy = async (connector: ConnectorProcess): Promise<Spent> => {
    await server.flush();
    const webhooks = signedWebhooks(keys, WEBHOOKS, TOPIC);
    const before = await lookAt(connector.pid, redis);
    const { accepted } = await load(connector.webhookUrl, webhooks);
    return spentBetween(before, await lookAt(connector.pid, redis), accepted);
  };
  try {
    // Unmeasured: both compile their hot paths.
    for (const { webhookUrl } of [off, on]) await load(webhookUrl, signedWebhooks(keys, 4000, TOPIC));
    const ratios: Ratios[] = [];
    for (let round = 0; round < rounds(); round++) {
      // Each side begins in turn.
      const sides = round % 2 === 0 ? [off, on] : [on, off];
      const spent = new Map<ConnectorProcess, Spent>();
      for (const side of sides) spent.set(side, await spentBy(side));
      ratios.push(ratiosOf(spent.get(on)!, spent.get(off)!));
    }
    return ratios;
  } finally {
    await off.stop();
    await on.stop();
    await server.flush();
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
