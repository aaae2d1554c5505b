import { setTimeout as delay } from 'node:timers/promises';
import type { WebhookKeys } from '../src/testing/index.js';
import { ConnectorProcess } from '../test/support/connector-process.js';
import { type RedisAccount, type Spent, cpuMicrosOf, lookAt, peakMbOf, spentBetween } from './accounting.js';
import { builtConnector } from './built-connector.js';
import { Child } from './child.js';
import { load } from './load.js';
import { median, rounds } from './median.js';
import type { Row } from './report.js';
import { signedWebhooks } from './signed-webhooks.js';

const NOTIFICATIONS = 18_000;
const GIVE_UP_MS = 120_000;
const POLL_MS = 20;
/** Unmeasured, for both sides: V8 compiles their hot paths for seconds, and a worker runs for days. */
const WARM_UP = NOTIFICATIONS / 3;
/** With many waiting for each order, the first run of an order finishes the others, too. */
const BURST_WARM_UP = NOTIFICATIONS / 30;
/** By how much two accounts of the same CPU time may differ. */
const CPU_TOLERANCE = 0.03;

/** What a run of one worker took for each notification. */
export interface WorkRun extends Spent {
  readonly upstreamCalls: number;
  /** µs of CPU of both emulators. */
  readonly emulatorMicros: number;
  readonly peakMb: number;
}

/** How a worker is run. */
export interface WorkOptions {
  readonly concurrency?: number;
  /** Notifications of each order. */
  readonly waitingPerOrder?: number;
  /** Notifications that are finished before the measurement begins. */
  readonly warmUp?: number;
  readonly variables?: Readonly<Record<string, string>>;
  /** The folder of another build than the one in the working directory. */
  readonly cwd?: string;
  /** Called before the queue is emptied. */
  readonly whenDone?: () => Promise<void>;
}

/** What all runs share. */
export interface WorkBench {
  readonly redis: RedisAccount;
  readonly redisUrl: string;
  readonly keys: WebhookKeys;
  readonly emulators: Child;
  readonly environment: Readonly<Record<string, string>>;
}

/** The variants of the connector in the table, beside the plain script at the same concurrency. */
const VARIANTS: readonly (WorkOptions & { readonly what: string; readonly concurrency: number })[] = [
  { what: 'work, connector, 64 slots', concurrency: 64 },
  { what: 'work, connector, 256 slots', concurrency: 256 },
  {
    what: 'work, connector, 256 slots, updates alone',
    concurrency: 256,
    variables: { OPERATION_BATCH_WRITES: '1' },
  },
  { what: 'work, connector, 512 slots', concurrency: 512 },
];

/**
 * Work with 20 ms latency on both emulators, beside a plain script that makes the same calls, in turns. With
 * `BENCH_BESIDE`, the path of another built checkout, that build takes its turns, too.
 */
export async function benchWork(bench: WorkBench): Promise<Row[]> {
  const other = process.env['BENCH_BESIDE'];
  const variants = VARIANTS.flatMap((variant) =>
    other && !variant.variables
      ? [variant, { ...variant, what: `${variant.what}, other build`, cwd: other }]
      : [variant],
  );
  const concurrencies = [...new Set(VARIANTS.map(({ concurrency }) => concurrency))];
  const bare = new Map<number, WorkRun[]>(concurrencies.map((concurrency) => [concurrency, []]));
  const ours = variants.map((): WorkRun[] => []);
  for (let round = 0; round < rounds(); round++) {
    // Cores differ from minute to minute, so each baseline runs next to what it is compared with.
    for (const [concurrency, runs] of bare) {
      runs.push(await bareWork(bench, concurrency));
      for (const [index, variant] of variants.entries()) {
        if (variant.concurrency === concurrency) ours[index]!.push(await connectorWork(bench, variant));
      }
    }
  }
  const burst = await connectorWork(bench, { concurrency: 64, waitingPerOrder: 10, warmUp: BURST_WARM_UP });
  return [
    ...[...bare].map(([concurrency, runs]) => ({
      what: `work, plain script, ${concurrency} slots`,
      ...medianRun(runs),
    })),
    ...variants.map(({ what, concurrency }, index) => ({
      what,
      ...medianRun(ours[index]!),
      beside: besideOf(ours[index]!, bare.get(concurrency)!),
    })),
    { what: 'work, connector, 64 slots, ten waiting per order', ...burst },
  ].map((row) => ({ ...row, note: `emulators ${row.emulatorMicros.toFixed(0)} µs` }));
}

/** @returns the medians of the ratios of runs that followed each other. */
function besideOf(ours: readonly WorkRun[], bare: readonly WorkRun[]): string {
  const ratio = (field: 'perSecond' | 'cpuMicros'): string =>
    median(ours.map((run, round) => run[field] / bare[round]![field])).toFixed(2);
  return `${ratio('perSecond')} × plain script, ${ratio('cpuMicros')} × its CPU`;
}

/** @returns the median of each figure. */
export function medianRun(runs: readonly WorkRun[]): WorkRun {
  const of = (field: keyof WorkRun): number => median(runs.map((run) => run[field]));
  return {
    perSecond: of('perSecond'),
    cpuMicros: of('cpuMicros'),
    redisMicros: of('redisMicros'),
    roundTrips: of('roundTrips'),
    upstreamCalls: of('upstreamCalls'),
    emulatorMicros: of('emulatorMicros'),
    peakMb: Math.max(...runs.map(({ peakMb }) => peakMb)),
  };
}

let nextOrder = 0;

/** Orders that nobody has touched yet: `BOOKED` in Fluent, `Open` in commercetools. */
export async function freshOrders(emulators: Child, count: number): Promise<number> {
  const from = nextOrder;
  nextOrder += count;
  await emulators.ask({ kind: 'add', from, count, status: 'BOOKED' });
  return from;
}

interface Upstreams {
  readonly calls: number;
  readonly tokens: number;
  readonly cpuMicros: number;
}

/** What the emulators have done so far. */
async function lookAtUpstreams(emulators: Child): Promise<Upstreams> {
  const counted = await emulators.ask<{ calls: number; tokens: number }>({ kind: 'calls' });
  return { ...counted, cpuMicros: cpuMicrosOf(emulators.process.pid ?? Number.NaN) };
}

function upstreamBetween(
  before: Upstreams,
  after: Upstreams,
  notifications: number,
): Pick<WorkRun, 'upstreamCalls' | 'emulatorMicros'> {
  return {
    upstreamCalls: (after.calls - before.calls) / notifications,
    emulatorMicros: (after.cpuMicros - before.cpuMicros) / notifications,
  };
}

async function bareWork(
  { redis, redisUrl, emulators, environment }: WorkBench,
  concurrency: number,
): Promise<WorkRun> {
  const from = await freshOrders(emulators, NOTIFICATIONS);
  const { child } = await Child.start('bare-worker.child.ts', {
    ...environment,
    REDIS_URL: redisUrl,
    FROM: String(from),
    COUNT: String(NOTIFICATIONS),
    WARM_UP: String(WARM_UP),
    CONCURRENCY: String(concurrency),
  });
  const { pid = Number.NaN } = child.process;
  await child.ask({ go: 'until warm' });
  const [before, upstreamsBefore] = [await lookAt(pid, redis), await lookAtUpstreams(emulators)];
  const { cpuMicros } = await child.ask<{ cpuMicros: number }>({ go: 'until done' });
  const [after, upstreamsAfter] = [await lookAt(pid, redis), await lookAtUpstreams(emulators)];
  const peakMb = peakMbOf(pid);
  await child.stop();
  await redis.client.flushall();
  sameCpu('plain script', after.cpuMicros - before.cpuMicros, cpuMicros);
  const notifications = NOTIFICATIONS - WARM_UP;
  return {
    ...spentBetween(before, after, notifications),
    ...upstreamBetween(upstreamsBefore, upstreamsAfter, notifications),
    peakMb,
  };
}

/**
 * Notifications wait in the queue; what is measured begins when `warmUp` of them are done, and ends with the last.
 *
 * @throws Error when an order does not agree in the end, or two accounts of the same thing differ.
 */
export async function connectorWork(
  { redis, keys, emulators, environment }: WorkBench,
  { concurrency = 64, waitingPerOrder = 1, warmUp = WARM_UP, variables, cwd, whenDone }: WorkOptions,
): Promise<WorkRun> {
  const launch = builtConnector(cwd);
  const orders = NOTIFICATIONS / waitingPerOrder;
  const from = await freshOrders(emulators, orders);
  const webhooks = signedWebhooks(keys, NOTIFICATIONS, { from, orders, entityStatus: 'BOOKED' });
  const ingress = await ConnectorProcess.start(
    { ...environment, ...variables, CONNECTOR_ROLE: 'ingress' },
    undefined,
    launch,
  );
  const { accepted } = await load(ingress.webhookUrl, webhooks, 20);
  await ingress.stop();

  const upstreamsAtStart = await lookAtUpstreams(emulators);
  const worker = await ConnectorProcess.start(
    {
      ...environment,
      ...variables,
      CONNECTOR_ROLE: 'worker',
      QUEUE_CONCURRENCY: String(concurrency),
    },
    undefined,
    launch,
  );
  try {
    const left = await untilUnfinished(redis, accepted - warmUp);
    const byItselfBefore = await processCpuMicros(worker);
    const [before, upstreamsBefore] = [await lookAt(worker.pid, redis), await lookAtUpstreams(emulators)];
    await untilUnfinished(redis, 0);
    const [after, upstreamsAfter] = [await lookAt(worker.pid, redis), await lookAtUpstreams(emulators)];
    const byItself = (await processCpuMicros(worker)) - byItselfBefore;
    const peakMb = peakMbOf(worker.pid);
    sameCpu('worker', after.cpuMicros - before.cpuMicros, byItself);

    const { orders: wrong } = await emulators.ask<{ orders: number }>({
      kind: 'disagreeing',
      status: 'BOOKED',
      orderState: 'Confirmed',
    });
    if (wrong > 0) throw new Error(`${wrong} orders do not agree`);
    const counted =
      upstreamsAfter.calls + upstreamsAfter.tokens - upstreamsAtStart.calls - upstreamsAtStart.tokens;
    const own = await worker.metric('upstream_request_duration_seconds_count');
    if (own !== counted) throw new Error(`the emulators counted ${counted} calls, the connector ${own}`);
    await whenDone?.();
    return {
      ...spentBetween(before, after, left),
      ...upstreamBetween(upstreamsBefore, upstreamsAfter, left),
      peakMb,
    };
  } finally {
    await worker.stop();
    await redis.client.flushall();
  }
}

/** @returns how many are unfinished when at most `most` are. */
export async function untilUnfinished(redis: RedisAccount, most: number): Promise<number> {
  const giveUpAt = performance.now() + GIVE_UP_MS;
  for (;;) {
    const unfinished = await redis.unfinished();
    if (unfinished <= most) return unfinished;
    if (performance.now() > giveUpAt) {
      throw new Error(`${unfinished} notifications are unfinished after ${GIVE_UP_MS} ms`);
    }
    await delay(POLL_MS);
  }
}

/** @returns the CPU time that the process itself reports in its metrics; without that before the first report. */
async function processCpuMicros({ managementUrl }: ConnectorProcess): Promise<number> {
  const text = await (await fetch(`${managementUrl}/metrics`)).text();
  return Number(/^\w*process_cpu_seconds_total (\S+)/m.exec(text)?.[1]) * 1_000_000;
}

function sameCpu(whose: string, byKernelMicros: number, byItselfMicros: number): void {
  if (Math.abs(byKernelMicros - byItselfMicros) <= CPU_TOLERANCE * byKernelMicros) return;
  throw new Error(
    `the kernel counted ${byKernelMicros} µs of CPU of the ${whose}, the process itself ${byItselfMicros} µs`,
  );
}
