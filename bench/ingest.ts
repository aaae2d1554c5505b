import type { WebhookKeys } from '../src/testing/index.js';
import { ConnectorProcess } from '../test/support/connector-process.js';
import { type RedisAccount, type Spent, lookAt, peakMbOf, spentBetween } from './accounting.js';
import { builtConnector } from './built-connector.js';
import { Child } from './child.js';
import { type LoadResult, load, loadBySecondClient, pacedLoad, type PacedResult } from './load.js';
import { median, rounds } from './median.js';
import type { Row } from './report.js';
import { signedWebhooks, type SignedWebhook } from './signed-webhooks.js';

const WEBHOOKS = 12_000;
/** Before that, V8 has not yet compiled all that either side runs. */
const WARM_UP = 16_000;
/** At half the peak. Of these, a third has no part in the percentiles. */
const PACED = 18_000;
const UNMEASURED = PACED / 3;
const TOPIC = { orders: 1000, entityStatus: 'BOOKED' };

interface Server {
  readonly what: string;
  readonly url: string;
  readonly pid: number;
  readonly stop: () => Promise<unknown>;
}

/** What one run took, as the load's client saw it. */
interface IngestRun extends Spent {
  /** By a second client, with its own loop and its own clock. */
  readonly bySecondClient: number;
}

/** Ingest in one process beside a bare server that does the same without a framework, in turns. */
export async function benchIngest(
  redis: RedisAccount,
  redisUrl: string,
  keys: WebhookKeys,
  environment: Readonly<Record<string, string>>,
): Promise<Row[]> {
  const servers = [await startBare(redisUrl, keys), await startConnector('connector', environment)];
  const other = process.env['BENCH_BESIDE'];
  if (other) servers.push(await startConnector('other build', environment, other));
  const runs = servers.map((): IngestRun[] => []);
  try {
    for (const { url } of servers) await load(url, signedWebhooks(keys, WARM_UP, TOPIC));
    for (let round = 0; round < rounds(); round++) {
      for (const [index, server] of servers.entries()) runs[index]!.push(await run(server, redis, keys));
    }
    const [bareRuns, ourRuns] = runs as [IngestRun[], IngestRun[]];
    const half = Math.round(median(ourRuns.map(({ perSecond }) => perSecond)) / 2);
    const halves = servers.map((): PacedResult[] => []);
    for (let round = 0; round < rounds(); round++) {
      for (const [index, { url }] of servers.entries()) {
        await redis.client.flushall();
        halves[index]!.push(await atHalfThePeak(url, keys, half));
      }
    }
    const floor = await latencyOfAnswersOnly(keys, half);
    const received = WARM_UP + rounds() * (2 * WEBHOOKS + PACED);
    return [
      ...servers.map(({ what, pid }, index) => ({
        what: `ingest, ${what}`,
        ...medianSpent(runs[index]!),
        ...(index > 0 && { beside: besideOf(runs[index]!, bareRuns) }),
        peakMb: peakMbOf(pid),
        note: `by the second client ${median(runs[index]!.map((one) => one.bySecondClient)).toFixed(0)}/s; ${received} webhooks in all`,
      })),
      ...servers.map(({ what }, index) => ({
        what: `ingest at half the peak, ${what}`,
        perSecond: half,
        latency: medianLatency(halves[index]!),
      })),
      {
        what: 'ingest at half the peak, a server that only answers',
        perSecond: floor.perSecond,
        latency: floor,
      },
    ];
  } finally {
    for (const { stop } of servers) await stop();
    await redis.client.flushall();
  }
}

function atHalfThePeak(url: string, keys: WebhookKeys, perSecond: number): Promise<PacedResult> {
  return pacedLoad(url, signedWebhooks(keys, PACED, TOPIC), perSecond, { unmeasured: UNMEASURED });
}

/** What the client and the machine alone add to the latencies of the others. */
async function latencyOfAnswersOnly(keys: WebhookKeys, perSecond: number): Promise<PacedResult> {
  const { child, ready } = await Child.start<{ url: string }>('answer-only.child.ts');
  try {
    await load(ready.url, signedWebhooks(keys, WARM_UP, TOPIC));
    return await atHalfThePeak(ready.url, keys, perSecond);
  } finally {
    await child.stop();
  }
}

async function startBare(redisUrl: string, keys: WebhookKeys): Promise<Server> {
  const { child, ready } = await Child.start<{ url: string }>('bare-ingest.child.ts', {
    PUBLIC_KEY: keys.publicKey,
    REDIS_URL: redisUrl,
  });
  const { pid = Number.NaN } = child.process;
  return { what: 'bare node:http and Bull', url: ready.url, pid, stop: () => child.stop() };
}

async function startConnector(
  what: string,
  environment: Readonly<Record<string, string>>,
  cwd?: string,
): Promise<Server> {
  const connector = await ConnectorProcess.start(
    { ...environment, CONNECTOR_ROLE: 'ingress' },
    undefined,
    builtConnector(cwd),
  );
  return { what, url: connector.webhookUrl, pid: connector.pid, stop: () => connector.stop() };
}

async function run({ what, url, pid }: Server, redis: RedisAccount, keys: WebhookKeys): Promise<IngestRun> {
  const send = async (
    sender: (url: string, webhooks: readonly SignedWebhook[]) => Promise<LoadResult>,
  ): Promise<[LoadResult, Spent]> => {
    const webhooks = signedWebhooks(keys, WEBHOOKS, TOPIC);
    await redis.client.flushall();
    const before = await lookAt(pid, redis);
    const result = await sender(url, webhooks);
    const after = await lookAt(pid, redis);
    if (result.failed > 0) throw new Error(`${result.failed} webhooks to ${what} failed`);
    return [result, spentBetween(before, after, result.accepted)];
  };
  const [first, spent] = await send(load);
  const [second] = await send(loadBySecondClient);
  return { ...spent, perSecond: first.perSecond, bySecondClient: second.perSecond };
}

function besideOf(ours: readonly IngestRun[], bare: readonly IngestRun[]): string {
  const ratio = (field: keyof IngestRun): string =>
    median(ours.map((one, round) => one[field] / bare[round]![field])).toFixed(2);
  return (
    `${ratio('perSecond')} × bare, ${ratio('cpuMicros')} × its CPU, ${ratio('redisMicros')} × its Redis; ` +
    `${ratio('bySecondClient')} × by the second client`
  );
}

/** @returns the medians of the percentiles of several runs: one pause of the machine decides the p99 of its run. */
function medianLatency(runs: readonly PacedResult[]): Pick<PacedResult, 'p50Ms' | 'p99Ms'> {
  return { p50Ms: median(runs.map(({ p50Ms }) => p50Ms)), p99Ms: median(runs.map(({ p99Ms }) => p99Ms)) };
}

function medianSpent(runs: readonly IngestRun[]): Spent {
  const of = (field: keyof IngestRun): number => median(runs.map((one) => one[field]));
  return {
    perSecond: of('perSecond'),
    cpuMicros: of('cpuMicros'),
    redisMicros: of('redisMicros'),
    roundTrips: of('roundTrips'),
  };
}
