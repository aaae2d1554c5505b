import * as fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ConnectorConfig } from '../config/index.js';
import { TransientError } from '../errors.js';
import type { HandlerRun, HandlerRunner } from '../handlers/index.js';
import type { FluentNotification } from '../notification/index.js';
import { DeliveryWorker } from './delivery-worker.js';
import { MemoryMessageQueue } from './memory/memory-message-queue.js';
import { RunReports } from './run-reports.js';

const within = { timeout: 10_000, interval: 1 };
const KEY = { coalesceKey: 'order-1' } as const;
const RUNS = 100;
/** More than any order of steps needs. */
const MAX_PASSES = 1000;
const workers: DeliveryWorker[] = [];

afterEach(async () => {
  vi.useRealTimers();
  for (const worker of workers.splice(0)) await worker.drain(0);
});

/** One order on both sides, and as many workers as replicas, which know of each other only by the queue. */
class World {
  status = 'BOOKED';
  shown = 'BOOKED';
  version = 1;
  reports = 0;
  private serial = 0;
  private readonly queue = new MemoryMessageQueue();

  constructor(
    replicas: number,
    private readonly step: (label: string) => Promise<void>,
  ) {
    const runner = {
      run: ({ id }: FluentNotification): Promise<HandlerRun> => this.sync(id),
      dedupeWindowSeconds: () => undefined,
    } as unknown as HandlerRunner;
    const retry = { maxAgeSeconds: 86_400, baseDelayMs: 1, maxDelayMs: 2 };
    const config = { accounts: [], role: 'all', queue: { concurrency: 1, recheckDelayMs: 5, retry } };
    const reports = new RunReports();
    reports.subscribe(({ outcome }) => void (outcome === 'retried' || this.reports++));
    for (let replica = 0; replica < replicas; replica++) {
      const worker = new DeliveryWorker(this.queue, runner, config as unknown as ConnectorConfig, reports);
      workers.push(worker);
      worker.onApplicationBootstrap();
    }
  }

  /** Fluent changes the status and sends its webhook. */
  async move(status: string): Promise<void> {
    this.status = status;
    const id = `n-${++this.serial}`;
    await this.queue.add(
      {
        id,
        name: 'order-status',
        accountId: 'ACME',
        retailerId: '1',
        entityId: '1',
        entityRef: 'O_1',
        entityType: 'ORDER',
      },
      KEY,
    );
  }

  private async sync(id: string): Promise<HandlerRun> {
    await this.step(`${id} reads commercetools`);
    const { version, shown } = this;
    await this.step(`${id} reads Fluent`);
    const { status } = this;
    if (status === shown) {
      await this.step(`${id} ends`);
      return { type: 'succeeded', result: { outcome: 'unchanged', observedState: status } };
    }
    await this.step(`${id} writes`);
    if (this.version !== version) throw new TransientError('conflict');
    this.version++;
    this.shown = status;
    await this.step(`${id} ends`);
    return { type: 'succeeded', result: { outcome: 'updated', observedState: status } };
  }
}

/** Holds each step until it is let go. */
class Steps {
  private readonly waiting = new Map<string, () => void>();
  readonly step = (label: string): Promise<void> => new Promise((go) => this.waiting.set(label, go));

  async pass(...labels: string[]): Promise<void> {
    for (const label of labels) {
      await vi.waitFor(() => expect([...this.waiting.keys()]).toContain(label), within);
      this.waiting.get(label)!();
      this.waiting.delete(label);
    }
  }
}

const READS = (id: string): string[] => [`${id} reads commercetools`, `${id} reads Fluent`];

describe('an order that returns to an earlier status while two replicas sync it', () => {
  it('does not keep the status in between when the older run ends last', async () => {
    const { step, pass } = bound(new Steps());
    const world = new World(2, step);
    await world.move('ESCALATED');
    await pass(...READS('n-1'));
    await world.move('BOOKED');
    await pass(...READS('n-2'), 'n-2 ends');
    await vi.waitFor(() => expect(world.reports).toBe(1), within);
    await pass('n-1 writes');
    await vi.waitFor(() => expect(world.shown).toBe('ESCALATED'), within);
    await pass('n-1 ends', ...READS('n-1'), 'n-1 writes', 'n-1 ends');
    await vi.waitFor(() => expect(world.reports).toBe(2), within);
    expect(world.shown).toBe('BOOKED');
  });

  it('does not keep the status in between when the newer run ends last', async () => {
    const { step, pass } = bound(new Steps());
    const world = new World(2, step);
    await world.move('ESCALATED');
    await pass(...READS('n-1'));
    await world.move('BOOKED');
    await pass(...READS('n-2'));
    await pass('n-1 writes', 'n-1 ends');
    await vi.waitFor(() => expect(world.reports).toBe(1), within);
    await pass('n-2 ends', ...READS('n-2'), 'n-2 writes', 'n-2 ends');
    await vi.waitFor(() => expect(world.reports).toBe(2), within);
    expect(world.shown).toBe('BOOKED');
  });

  it('ends with its last status, however many replicas work and however their steps interleave', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] });
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(fc.constantFrom('BOOKED', 'ESCALATED'), { minLength: 2, maxLength: 6 }),
        fc.integer({ min: 2, max: 3 }),
        async (scheduler, statuses, replicas) => {
          const step = (label: string): Promise<void> => scheduler.schedule(Promise.resolve(), label);
          const world = new World(replicas, step);
          const moves = async (): Promise<void> => {
            for (const status of statuses) {
              await step('Fluent');
              await world.move(status);
            }
          };
          // The waits of queue and workers end at any time between the steps, and in no real time.
          const clock = async (): Promise<void> => {
            for (let passes = 0; world.reports < statuses.length; passes++) {
              if (passes === MAX_PASSES) throw new Error(`only ${world.reports} runs were reported`);
              await step('time passes');
              await vi.advanceTimersToNextTimerAsync();
            }
          };
          await scheduler.waitFor(Promise.all([moves(), clock()]), async (run) => {
            await run();
            await new Promise(setImmediate);
          });
          for (const worker of workers.splice(0)) await worker.drain(0);
          expect(world.shown).toBe(world.status);
        },
      ),
      { numRuns: RUNS },
    );
  });
});

function bound(steps: Steps): { step: Steps['step']; pass: Steps['pass'] } {
  return { step: steps.step, pass: (...labels) => steps.pass(...labels) };
}
