import { Logger } from '@nestjs/common';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ConnectorConfig } from '../config/index.js';
import { CircuitOpenError, PermanentError, TransientError } from '../errors.js';
import type { HandlerRun, HandlerRunner, RunContext } from '../handlers/index.js';
import type { FluentNotification } from '../notification/index.js';
import type { RunReport } from './decide.js';
import { DeliveryWorker } from './delivery-worker.js';
import { sampleNotification } from '../testing/sample-notification.js';
import { MemoryMessageQueue } from './memory/memory-message-queue.js';
import { RunReports } from './run-reports.js';

const within = { timeout: 10_000, interval: 5 };
const KEY = { coalesceKey: 'order-1' } as const;
const workers: DeliveryWorker[] = [];

afterEach(async () => {
  vi.restoreAllMocks();
  for (const worker of workers.splice(0)) await worker.drain(0);
});

type Handle = (
  notification: FluentNotification,
  context: RunContext,
) => Promise<HandlerRun | Extract<HandlerRun, { type: 'succeeded' }>['result']>;

interface Started {
  readonly queue: MemoryMessageQueue;
  readonly worker: DeliveryWorker;
  readonly reports: RunReport[];
}

function start(
  handle: Handle,
  { role = 'all', concurrency = 16, recheckDelayMs = 50, accounts = 1, shutdownTimeoutSeconds = 60 } = {},
  queue = new MemoryMessageQueue(),
): Started {
  const runner = {
    run: async (delivered: FluentNotification, context: RunContext): Promise<HandlerRun> => {
      const run = await handle(delivered, context);
      return 'type' in run ? run : { type: 'succeeded', result: run };
    },
    dedupeWindowSeconds: (name: string) => (name === 'order-status' ? undefined : 1),
  };
  const retry = { maxAgeSeconds: 60, baseDelayMs: 5, maxDelayMs: 20 };
  const config = {
    accounts: Array.from({ length: accounts }),
    role,
    queue: { concurrency, recheckDelayMs, retry },
    server: { shutdownTimeoutSeconds },
  };
  const bus = new RunReports();
  const reports: RunReport[] = [];
  bus.subscribe((report) => reports.push(report));
  const worker = new DeliveryWorker(
    queue,
    runner as unknown as HandlerRunner,
    config as unknown as ConnectorConfig,
    bus,
  );
  workers.push(worker);
  worker.onApplicationBootstrap();
  return { queue, worker, reports };
}

const notification = (id?: string): FluentNotification => sampleNotification(id === undefined ? {} : { id });

/** What holds handlers until it is opened, and a handler that it holds. */
function gate(): { readonly held: Promise<void>; readonly open: () => void; readonly heldHandler: Handle } {
  let open = (): void => undefined;
  const held = new Promise<void>((resolve) => (open = resolve));
  const heldHandler: Handle = async () => {
    await held;
    return { outcome: 'updated' };
  };
  return { held, open: () => open(), heldHandler };
}

/** Timers that keep this thread from ending. */
function runningTimers(): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
}

/** Lets everything run that waits for no timer. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
}

describe('a worker', () => {
  it('retries until a run succeeds, and counts the attempts', async () => {
    const attempts: number[] = [];
    const { queue, reports } = start(async (_, { attempt }) => {
      attempts.push(attempt);
      if (attempt < 4) throw new TransientError('busy');
      return { outcome: 'updated' };
    });
    await queue.add(notification());
    await vi.waitFor(() => expect(reports.at(-1)?.outcome).toBe('updated'), within);
    expect(attempts).toEqual([1, 2, 3, 4]);
    expect(reports.map(({ outcome }) => outcome)).toEqual(['retried', 'retried', 'retried', 'updated']);
  });

  it('has the queue remember a notification for as long as its handler asks', async () => {
    const { queue, reports } = start(async () => ({ outcome: 'updated' }));
    const brief = { ...notification(), name: 'parcel-shipped' };
    await queue.add(brief);
    await vi.waitFor(() => expect(reports).toHaveLength(1), within);
    vi.useFakeTimers({ now: Date.now() + 5000, toFake: ['Date'] });
    try {
      await expect(queue.add(brief)).resolves.toBe('accepted');
    } finally {
      vi.useRealTimers();
    }
  });

  it('keeps a dead letter when a run fails with a permanent error', async () => {
    const { queue, reports } = start(async () => {
      throw new PermanentError('never');
    });
    await queue.add(notification());
    await vi.waitFor(() => expect(reports.map(({ outcome }) => outcome)).toEqual(['dead']), within);
    expect(await queue.counts()).toMatchObject({ dead: 1 });
  });

  it('uses up no attempt behind an open circuit', async () => {
    let holds = 3;
    const { queue, reports } = start(async () => {
      if (holds-- > 0) throw new CircuitOpenError('commercetools:shop', 5);
      return { outcome: 'updated' };
    });
    await queue.add(notification());
    await vi.waitFor(() => expect(reports.at(-1)?.outcome).toBe('updated'), within);
    expect(reports.map(({ attempt }) => attempt)).toEqual([1, 1, 1, 1]);
  });

  it('makes one run for the notifications of an order that wait together', async () => {
    const queue = new MemoryMessageQueue();
    for (let n = 0; n < 10; n++) await queue.add(notification(), KEY);
    let runs = 0;
    const { reports } = start(
      async () => {
        runs++;
        return { outcome: 'updated' };
      },
      {},
      queue,
    );
    await vi.waitFor(() => expect(reports).toHaveLength(10), within);
    expect(runs).toBeLessThanOrEqual(2);
    expect(reports.filter(({ outcome }) => outcome === 'superseded').length).toBeGreaterThanOrEqual(8);
  });

  it('runs a notification that was accepted while a run of its order was under way', async () => {
    let runs = 0;
    const { queue, reports } = start(async () => {
      // Accepted now: this run's reads may be older than the notification.
      if (++runs === 1) await queue.add(notification('late'), KEY);
      return { outcome: 'updated' };
    });
    await queue.add(notification('early'), KEY);
    await vi.waitFor(() => expect(reports).toHaveLength(2), within);
    expect(runs).toBe(2);
    expect(reports.map(({ outcome }) => outcome)).toEqual(['updated', 'updated']);
  });

  it('runs what waits when a run fails, or says that it covers nothing', async () => {
    for (const first of ['fails', 'covers nothing']) {
      const queue = new MemoryMessageQueue();
      for (const id of ['a', 'b']) await queue.add(notification(first + id), KEY);
      let runs = 0;
      const { reports } = start(
        async () => {
          if (++runs > 1) return { outcome: 'updated' };
          if (first === 'fails') throw new PermanentError('no');
          return { outcome: 'unchanged', supersedesPending: false };
        },
        {},
        queue,
      );
      await vi.waitFor(() => expect(reports).toHaveLength(2), within);
      expect(runs, first).toBe(2);
    }
  });

  it('never runs one order twice at the same time', async () => {
    let running = 0;
    let most = 0;
    const { queue, reports } = start(async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      return { outcome: 'updated', supersedesPending: false };
    });
    for (let n = 0; n < 6; n++) await queue.add(notification(), KEY);
    await vi.waitFor(() => expect(reports).toHaveLength(6), within);
    expect(most).toBe(1);
  });

  it('leaves its places to other orders while one order is slow', async () => {
    const { held, open } = gate();
    const { queue, reports } = start(
      async ({ entityId }) => {
        if (entityId === 'slow') await held;
        return { outcome: 'updated' };
      },
      { concurrency: 4 },
    );
    for (let n = 0; n < 20; n++) {
      await queue.add({ ...notification(), entityId: 'slow' }, { coalesceKey: 'slow' });
    }
    await queue.add({ ...notification('other'), entityId: 'other' }, { coalesceKey: 'other' });
    await vi.waitFor(() => expect(reports.map((run) => run.notification.id)).toEqual(['other']), within);
    open();
    await vi.waitFor(() => expect(reports).toHaveLength(21), within);
  });

  it('leaves slots to other accounts while one account is slow', async () => {
    const { held, open } = gate();
    const { queue, reports } = start(
      async ({ accountId }) => {
        if (accountId === 'SLOW') await held;
        return { outcome: 'updated' };
      },
      { concurrency: 4, accounts: 2 },
    );
    for (let n = 0; n < 20; n++) await queue.add({ ...notification(), accountId: 'SLOW' });
    await vi.waitFor(async () => expect((await queue.counts()).active).toBe(3), within);
    for (let n = 0; n < 5; n++) await queue.add({ ...notification(), accountId: 'OTHER' });
    await vi.waitFor(() => expect(reports).toHaveLength(5), within);
    expect(new Set(reports.map((run) => run.notification.accountId))).toEqual(new Set(['OTHER']));
    open();
    await vi.waitFor(() => expect(reports).toHaveLength(25), within);
  });

  it('uses all slots for the only account', async () => {
    const { open, heldHandler } = gate();
    const { queue, reports } = start(heldHandler, { concurrency: 4 });
    for (let n = 0; n < 8; n++) await queue.add(sampleNotification());
    await vi.waitFor(async () => expect((await queue.counts()).active).toBe(4), within);
    open();
    await vi.waitFor(() => expect(reports).toHaveLength(8), within);
  });

  it('rechecks an order that did not have the announced state, and sets isRecheck for the handler', async () => {
    const rechecks: boolean[] = [];
    const { queue, reports } = start(async (_, { isRecheck }) => {
      rechecks.push(isRecheck);
      return isRecheck
        ? { outcome: 'updated', observedState: 'SHIPPED' }
        : { outcome: 'unchanged', observedState: 'BOOKED' };
    });
    await queue.add(notification(), { ...KEY, expectedState: 'SHIPPED' });
    await vi.waitFor(() => expect(reports).toMatchObject([{ outcome: 'updated' }]), within);
    expect(rechecks).toEqual([false, true]);
  });

  it('needs few runs for a burst that announces states which the order has left', async () => {
    const queue = new MemoryMessageQueue();
    for (let n = 0; n < 10; n++) await queue.add(notification(), { ...KEY, expectedState: `STEP_${n}` });
    let runs = 0;
    const { reports } = start(
      async () => ({ outcome: ++runs === 1 ? 'updated' : 'unchanged', observedState: 'STEP_9' }),
      {},
      queue,
    );
    await vi.waitFor(() => expect(reports).toHaveLength(10), within);
    expect(runs).toBeLessThanOrEqual(4);
  });

  it('delivers a notification again whose handler is busy, without using up an attempt', async () => {
    let asked = 0;
    const { queue, reports } = start(async (_, { attempt }) => {
      expect(attempt).toBe(1);
      return ++asked < 3 ? { type: 'busy', retryInMs: 5 } : { outcome: 'updated' };
    });
    await queue.add(notification());
    await vi.waitFor(() => expect(reports).toMatchObject([{ outcome: 'updated', attempt: 1 }]), within);
    expect(asked).toBe(3);
  });

  it('continues after the queue has failed for a while', async () => {
    const queue = new MemoryMessageQueue();
    vi.spyOn(queue, 'take').mockRejectedValueOnce(new Error('gone')).mockRejectedValueOnce('text');
    const { reports } = start(async () => ({ outcome: 'updated' }), {}, queue);
    await queue.add(notification());
    await vi.waitFor(() => expect(reports).toHaveLength(1), within);
  });

  it('pauses longer and longer while the queue fails, and says what failed', async () => {
    const warn = vi.spyOn(Logger.prototype, 'warn').mockReturnValue();
    const queue = new MemoryMessageQueue();
    const asked: number[] = [];
    const take = vi.spyOn(queue, 'take').mockImplementation(async () => {
      asked.push(performance.now());
      throw new Error('gone');
    });
    const { worker } = start(async () => ({ outcome: 'updated' }), {}, queue);
    await vi.waitFor(() => expect(asked.length).toBeGreaterThanOrEqual(4), within);
    const pausesMs = asked.slice(1, 4).map((at, index) => at - asked[index]!);
    // Timers count in whole milliseconds.
    for (const [index, leastMs] of [99, 199, 399].entries()) {
      expect(pausesMs[index]).toBeGreaterThanOrEqual(leastMs);
    }
    expect(warn).toHaveBeenCalledWith('queue: could not take notifications: Error: gone');
    // The pause of 800 ms ends when the worker stops.
    const stoppedAt = performance.now();
    await worker.drain(60_000);
    expect(performance.now() - stoppedAt).toBeLessThan(700);
    const { length } = asked;
    await new Promise(setImmediate);
    expect(take).toHaveBeenCalledTimes(length);
  });

  it('takes no more than it has places for', async () => {
    const { open, heldHandler } = gate();
    const queue = new MemoryMessageQueue();
    const take = vi.spyOn(queue, 'take');
    for (let n = 0; n < 5; n++) await queue.add(notification());
    const { reports } = start(heldHandler, { concurrency: 2 }, queue);
    await vi.waitFor(async () => expect((await queue.counts()).active).toBe(2), within);
    open();
    await vi.waitFor(() => expect(reports).toHaveLength(5), within);
    for (const [count] of take.mock.calls) {
      expect(count).toBeGreaterThan(0);
      expect(count).toBeLessThanOrEqual(2);
    }
  });

  it('tells the handler when the notification was accepted', async () => {
    const accepted: Date[] = [];
    const before = Date.now();
    const { queue, reports } = start(async (_, { acceptedAt }) => {
      accepted.push(acceptedAt);
      return { outcome: 'updated' };
    });
    await queue.add(notification());
    await vi.waitFor(() => expect(reports).toHaveLength(1), within);
    expect(accepted[0]!.getTime()).toBeGreaterThanOrEqual(before - 1);
    expect(accepted[0]!.getTime()).toBeLessThanOrEqual(Date.now() + 1);
    expect(reports[0]!.lagMs).toBeLessThan(60_000);
  });

  it('names a notification that it could not settle', async () => {
    const warn = vi.spyOn(Logger.prototype, 'warn').mockReturnValue();
    const queue = new MemoryMessageQueue();
    vi.spyOn(queue, 'settle').mockRejectedValueOnce(new Error('gone'));
    start(async () => ({ outcome: 'updated' }), {}, queue);
    await queue.add(notification('lost'));
    await vi.waitFor(
      () =>
        expect(warn).toHaveBeenCalledWith(
          'queue: could not settle notification lost, it is delivered again: Error: gone',
        ),
      within,
    );
  });

  it('does not report what it could not settle, and is not stopped by it', async () => {
    const queue = new MemoryMessageQueue();
    vi.spyOn(queue, 'settle').mockRejectedValueOnce(new Error('gone'));
    const { reports } = start(async () => ({ outcome: 'updated' }), { concurrency: 1 }, queue);
    await queue.add(notification('first'));
    await queue.add(notification('second'));
    await vi.waitFor(() => expect(reports).toHaveLength(1), within);
    expect(reports[0]?.notification.id).toBe('second');
  });

  it('measures the lag up to the end of the run', async () => {
    const { open, heldHandler } = gate();
    const { queue, reports } = start(heldHandler);
    const addedAt = performance.now();
    await queue.add(notification());
    await vi.waitFor(() => expect(performance.now() - addedAt).toBeGreaterThan(100), within);
    open();
    await vi.waitFor(() => expect(reports).toHaveLength(1), within);
    expect(reports[0]!.lagMs).toBeGreaterThanOrEqual(90);
  });

  it('reports nothing of a run that was outrun, because it comes again', async () => {
    const queue = new MemoryMessageQueue();
    const settle = vi.spyOn(queue, 'settle').mockResolvedValueOnce('outrun');
    const { reports } = start(async () => ({ outcome: 'updated' }), {}, queue);
    await queue.add(notification('outrun'));
    await vi.waitFor(() => expect(settle).toHaveBeenCalledTimes(1), within);
    await queue.add(notification('other'));
    await vi.waitFor(() => expect(reports).toHaveLength(1), within);
    expect(reports[0]?.notification.id).toBe('other');
  });

  it('passes how long to remember a notification only with the end of its delivery', async () => {
    const queue = new MemoryMessageQueue();
    const settle = vi.spyOn(queue, 'settle');
    const { reports } = start(
      async (_, { attempt }) => {
        if (attempt === 1) throw new TransientError('busy');
        return { outcome: 'updated' };
      },
      {},
      queue,
    );
    await queue.add({ ...notification(), name: 'parcel-shipped' });
    await vi.waitFor(() => expect(reports.at(-1)?.outcome).toBe('updated'), within);
    await queue.add({ ...notification(), name: 'order-status' });
    await vi.waitFor(
      () => expect(reports.filter(({ outcome }) => outcome === 'updated')).toHaveLength(2),
      within,
    );
    const settled = settle.mock.calls.map(([, { action, ...rest }]) => [
      action,
      'dedupeWindowSeconds' in rest,
    ]);
    expect(settled).toEqual([
      ['retry', false],
      ['done', true],
      ['retry', false],
      ['done', false],
    ]);
  });

  it('asks again at once while it gets notifications or has none, and after 50 ms when it must keep free slots', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const { open, heldHandler } = gate();
      const queue = new MemoryMessageQueue();
      await queue.add(notification());
      const [delivery] = await queue.take(1, AbortSignal.timeout(10_000));
      const take = vi
        .spyOn(queue, 'take')
        .mockResolvedValue([])
        .mockResolvedValueOnce([])
        .mockResolvedValueOnce([])
        .mockResolvedValueOnce([delivery!]);
      start(heldHandler, { concurrency: 4 }, queue);
      await turns();
      // Twice nothing, once one notification, then nothing while it runs.
      expect(take).toHaveBeenCalledTimes(4);
      await vi.advanceTimersByTimeAsync(49);
      expect(take).toHaveBeenCalledTimes(4);
      await vi.advanceTimersByTimeAsync(1);
      await turns();
      expect(take).toHaveBeenCalledTimes(5);
      take.mockImplementation(() => new Promise(() => undefined));
      open();
      await turns();
      // The end of a run ends the wait, and its timer.
      expect(take).toHaveBeenCalledTimes(6);
      expect(vi.getTimerCount()).toBe(0);
      workers.splice(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it('waits without a timer while all its slots are in use', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const { open, heldHandler } = gate();
      const { queue, reports } = start(heldHandler, { concurrency: 1 });
      await queue.add(notification());
      await turns();
      expect(vi.getTimerCount()).toBe(0);
      open();
      await turns();
      expect(reports).toHaveLength(1);
    } finally {
      vi.useRealTimers();
    }
  });

  it('takes nothing in the ingress role', async () => {
    const queue = new MemoryMessageQueue();
    const take = vi.spyOn(queue, 'take');
    start(async () => ({ outcome: 'updated' }), { role: 'ingress' }, queue);
    start(async () => ({ outcome: 'updated' }), { role: 'worker' });
    expect(take).not.toHaveBeenCalled();
  });
});

describe('a worker that stops', () => {
  it('waits for each of its runs, and then interrupts nothing', async () => {
    const gates = [gate(), gate()];
    const signals: AbortSignal[] = [];
    const { queue, worker, reports } = start(async (_, { signal }) => {
      signals.push(signal);
      await gates[signals.length - 1]!.held;
      return { outcome: 'updated' };
    });
    await queue.add(notification());
    await queue.add(notification());
    await vi.waitFor(() => expect(signals).toHaveLength(2), within);
    const warn = vi.spyOn(Logger.prototype, 'warn').mockReturnValue();
    const timers = runningTimers();
    let isDrained = false;
    const drained = worker.drain(60_000).then(() => (isDrained = true));
    gates[0]!.open();
    await vi.waitFor(() => expect(reports).toHaveLength(1), within);
    await turns();
    expect(isDrained).toBe(false);
    gates[1]!.open();
    await drained;
    expect(reports).toHaveLength(2);
    expect(warn).not.toHaveBeenCalled();
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, false]);
    // The timer of the waiting take has ended. One for the rest of the minute would keep the process from ending.
    expect(runningTimers()).toBeLessThan(timers);
  });

  it('waits as long as SHUTDOWN_TIMEOUT allows when the application closes, and not a second time', async () => {
    const { worker } = start(async () => ({ outcome: 'updated' }), { shutdownTimeoutSeconds: 7 });
    const drain = vi.spyOn(worker, 'drain');
    await worker.onModuleDestroy();
    await worker.onModuleDestroy();
    expect(drain.mock.calls).toEqual([[7000]]);
  });

  it('finishes running work, and takes nothing new', async () => {
    const { open, heldHandler } = gate();
    const { queue, worker, reports } = start(heldHandler);
    await queue.add(notification());
    await vi.waitFor(async () => expect((await queue.counts()).active).toBe(1), within);
    const drained = worker.drain(60_000);
    await queue.add(notification());
    open();
    await drained;
    expect(reports).toHaveLength(1);
    expect(await queue.counts()).toMatchObject({ waiting: 1, active: 0 });
  });

  it('interrupts what does not end in time, and another worker takes it over as the same attempt', async () => {
    const reasons: unknown[] = [];
    const { queue, worker, reports } = start(
      (_, { signal }) =>
        new Promise((__, reject) => {
          signal.addEventListener('abort', () => {
            reasons.push(signal.reason);
            reject(signal.reason as Error);
          });
        }),
    );
    await queue.add(notification());
    await vi.waitFor(async () => expect((await queue.counts()).active).toBe(1), within);
    const warn = vi.spyOn(Logger.prototype, 'warn').mockReturnValue();
    await worker.drain(10);
    expect(warn).toHaveBeenCalledWith('1 notifications did not end in time; another worker takes them over');
    expect(reasons).toEqual([new Error('shutting down')]);
    expect(reports).toEqual([]);
    const other = start(async () => ({ outcome: 'updated' }), {}, queue);
    await vi.waitFor(() => expect(other.reports).toMatchObject([{ outcome: 'updated', attempt: 1 }]), within);
  });
});
