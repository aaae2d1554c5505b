import { ConnectorProcess } from '../test/support/connector-process.js';
import { cpuMicrosOf, lookAt, spentBetween } from './accounting.js';
import { builtConnector } from './built-connector.js';
import { load } from './load.js';
import { median, rounds } from './median.js';
import type { Row } from './report.js';
import { signedWebhooks } from './signed-webhooks.js';
import { type WorkBench, freshOrders, untilUnfinished } from './work.js';

const WORKERS = [1, 2, 4] as const;
const NOTIFICATIONS = 8000;
/** Unmeasured: the processes compile their hot paths. */
const WARM_UP = 2000;
const CONCURRENCY = 64;
const ACCOUNT = 'ACME';
const QUEUE = '{fluent-connector}:notifications';

interface WorkersRun {
  readonly perSecond: number;
  /** µs of CPU for each notification: of all workers, of Redis, and of the emulators. */
  readonly cpuMicros: number;
  readonly redisMicros: number;
  readonly emulatorMicros: number;
}

/** One, two and four workers on one queue, with emulators that answer at once, in turns. */
export async function benchWorkers(bench: WorkBench): Promise<Row[]> {
  const runs = new Map(WORKERS.map((count) => [count, [] as WorkersRun[]]));
  for (let round = 0; round < rounds(); round++) {
    for (const [count, done] of runs) done.push(await workersRun(bench, count));
  }
  const one = runs.get(1)!;
  return [...runs].map(([count, done]) => {
    const of = (field: keyof WorkersRun): number => median(done.map((run) => run[field]));
    const all = done.map((run) => run.cpuMicros + run.redisMicros + run.emulatorMicros);
    const cores = median(done.map((run, round) => (run.perSecond * all[round]!) / 1_000_000));
    return {
      what: `work, ${count} worker${count === 1 ? '' : 's'}, upstreams that answer at once`,
      perSecond: of('perSecond'),
      cpuMicros: of('cpuMicros'),
      redisMicros: of('redisMicros'),
      beside: `${median(done.map((run, round) => run.perSecond / one[round]!.perSecond)).toFixed(2)} × one worker`,
      note: `emulators ${of('emulatorMicros').toFixed(0)} µs; all together used ${cores.toFixed(1)} cores`,
    };
  });
}

async function workersRun(
  { redis, keys, emulators, environment }: WorkBench,
  count: number,
): Promise<WorkersRun> {
  const from = await freshOrders(emulators, NOTIFICATIONS);
  const ingress = await ConnectorProcess.start({ ...environment, CONNECTOR_ROLE: 'ingress' });
  const topic = { from, orders: NOTIFICATIONS, entityStatus: 'BOOKED' };
  const { accepted } = await load(ingress.webhookUrl, signedWebhooks(keys, NOTIFICATIONS, topic), 20);
  await ingress.stop();
  const worker = { ...environment, CONNECTOR_ROLE: 'worker', QUEUE_CONCURRENCY: String(CONCURRENCY) };
  const workers: ConnectorProcess[] = [];
  try {
    // All of them begin together.
    await redis.client.hset(`${QUEUE}:paused`, ACCOUNT, JSON.stringify({ by: 'benchmark', since: 0 }));
    for (let started = 0; started < count; started++) {
      workers.push(await ConnectorProcess.start(worker, undefined, builtConnector()));
    }
    await redis.client.hdel(`${QUEUE}:paused`, ACCOUNT);
    await redis.client.zadd(`${QUEUE}:marker`, 0, '0');
    const emulatorPid = emulators.process.pid ?? Number.NaN;
    const cpu = (): number => workers.reduce((sum, { pid }) => sum + cpuMicrosOf(pid), 0);
    const left = await untilUnfinished(redis, accepted - WARM_UP);
    const [cpuBefore, before] = [cpu(), await lookAt(emulatorPid, redis)];
    await untilUnfinished(redis, 0);
    const [cpuAfter, after] = [cpu(), await lookAt(emulatorPid, redis)];
    const { perSecond, cpuMicros: emulatorMicros, redisMicros } = spentBetween(before, after, left);
    return { perSecond, cpuMicros: (cpuAfter - cpuBefore) / left, redisMicros, emulatorMicros };
  } finally {
    for (const one of workers) await one.stop();
    await redis.client.flushall();
  }
}
