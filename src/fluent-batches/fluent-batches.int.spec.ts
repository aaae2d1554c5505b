import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FluentConnection, connectToFluent } from '../../test/support/fluent-services.js';
import { PermanentError, TransientError } from '../errors.js';
import { FluentEmulator } from '../testing/index.js';
import {
  FileLoadState,
  FluentBatches,
  type InventoryEntity,
  type LoadOptions,
  type LoadProgress,
} from './index.js';
import { WAIT } from '../../test/support/wait.js';

const QUICK: LoadOptions = {
  polling: { baseDelayMs: 1, maxDelayMs: 5, giveUpAfterMs: 10_000 },
  retrying: { baseDelayMs: 1, maxDelayMs: 5, giveUpAfterMs: 10_000 },
};

function stock(count: number, from = 0): InventoryEntity[] {
  return Array.from({ length: count }, (_, index) => ({
    locationRef: 'STORE_1',
    skuRef: `SKU-${from + index}`,
    qty: index,
  }));
}

describe('FluentBatches', () => {
  let fluent: FluentEmulator;
  let connection: FluentConnection;
  let folder: string;
  let now: number;
  const batches = () => new FluentBatches(connection.endpoints, new FileLoadState(folder));
  const sizes = () => fluent.jobs.map((job) => job.batches.map(({ entityCount }) => entityCount));

  beforeEach(async () => {
    now = Date.parse('2026-03-01T23:00:00Z');
    fluent = await new FluentEmulator({ now: () => now }).start();
    connection = connectToFluent(fluent);
    folder = await mkdtemp(join(tmpdir(), 'batches-'));
  });
  afterEach(async () => {
    await connection[Symbol.asyncDispose]();
    await fluent.stop();
    await rm(folder, { recursive: true });
  });
  const load = (
    entities: Iterable<InventoryEntity> | AsyncIterable<InventoryEntity>,
    options?: LoadOptions,
  ) => batches().load(entities, { ...QUICK, now: () => now, ...options });

  it('sends batches of 5000 in one job, and waits until Fluent has finished', async () => {
    const seen: LoadProgress[] = [];
    const result = await load(stock(12_001), { onProgress: (progress) => seen.push(progress) });
    expect(sizes()).toEqual([[5000, 5000, 2001]]);
    expect(fluent.inventory.size).toBe(12_001);
    expect(result).toEqual({
      batchesSent: 3,
      batchesDone: 3,
      batchesResumed: 0,
      entitiesSent: 12_001,
      entitiesDone: 12_001,
      entitiesFailed: 0,
      jobIds: ['1'],
      failures: [],
    });
    expect(fluent.jobs).toMatchObject([
      { retailerId: '1', name: 'fluent-commercetools-connector 2026-03-01' },
    ]);
    const done = seen.map(({ entitiesDone }) => entitiesDone);
    expect(done.at(-1)).toBe(12_001);
    expect(done.some((count) => count % 2500 === 0 && count > 0)).toBe(true);
  });

  it('returns the status of a job and of a batch', async () => {
    const { jobIds, failures } = await load([...stock(1), { ...stock(1)[0]!, skuRef: '' }]);
    const [jobId = ''] = jobIds;
    const { batchId } = failures[0]!;
    await expect(batches().jobStatus(jobId, { accountId: 'ACME' })).resolves.toEqual({
      name: 'fluent-commercetools-connector 2026-03-01',
      status: 'OPEN',
      batches: [{ batchId, status: 'COMPLETE' }],
    });
    await expect(batches().status(jobId, batchId)).resolves.toEqual({
      status: 'COMPLETE',
      processedEntities: 2,
      totalEntities: 2,
      errors: [{ code: 'C0113E', message: 'skuRef is missing', entityIndex: 1 }],
    });
    now += 3_600_000;
    await expect(batches().jobStatus(jobId)).resolves.toMatchObject({ status: 'CLOSED' });
    await expect(batches().jobStatus('9')).rejects.toThrow(PermanentError);
    await expect(batches().status(jobId, '9')).rejects.toThrow('Fluent does not know batch 9 of job 1');
  });

  it('reads no further ahead than it may send', async () => {
    let read = 0;
    fluent.batchRules = { status: () => 'RUNNING' };
    const abort = new AbortController();
    const loading = load(
      (function* () {
        for (const entity of stock(30_000)) {
          read += 1;
          yield entity;
        }
      })(),
      { batchesAtOnce: 2, signal: abort.signal },
    );
    await expect.poll(() => fluent.jobs[0]?.batches.length, WAIT).toBe(2);
    await expect.poll(() => fluent.requests.count('getBatch'), WAIT).toBeGreaterThan(6);
    abort.abort(new Error('stopped'));
    await expect(loading).rejects.toThrow('stopped');
    expect(read).toBeLessThanOrEqual(10_000);
  });

  it('keeps batches of large entities small enough to be accepted', async () => {
    await load(stock(3000).map((entity) => ({ ...entity, attributes: { note: 'x'.repeat(1000) } })));
    expect(sizes()[0]!.reduce((sum, size) => sum + size)).toBe(3000);
    expect(sizes()[0]!.length).toBe(2);
  });

  it('reports which entities failed, by their position in the load', async () => {
    fluent.batchRules = { refuse: ({ skuRef }) => (skuRef === 'SKU-5003' ? 'unknown SKU' : undefined) };
    const { entitiesFailed, failures } = await load([
      { locationRef: 'STORE_1', skuRef: '', qty: 1 },
      ...stock(5003, 1),
    ]);
    expect(entitiesFailed).toBe(2);
    expect(failures).toMatchObject([
      { index: 0, jobId: '1', code: 'C0113E', message: 'skuRef is missing' },
      { index: 5003, jobId: '1', message: 'unknown SKU' },
    ]);
  });

  it('counts every entity of a batch that failed as a whole', async () => {
    fluent.batchRules = { status: ({ entityCount }) => (entityCount === 3 ? 'FAILED' : undefined) };
    const { entitiesFailed, failures } = await load(stock(5003));
    expect(entitiesFailed).toBe(3);
    expect(failures).toMatchObject([{ message: expect.stringContaining('FAILED') }]);
  });

  it('uses one job for each day and retailer', async () => {
    const service = batches();
    const options = { ...QUICK, now: () => now };
    await Promise.all([1, 2, 3].map((count) => service.load(stock(count), options)));
    await load(stock(4));
    now += 2 * 3_600_000;
    await load(stock(5));
    expect(fluent.jobs.map(({ day }) => day)).toEqual(['2026-03-01', '2026-03-02']);
    expect(sizes()[0]?.toSorted()).toEqual([1, 2, 3, 4]);
    expect(sizes()[1]).toEqual([5]);
  });

  it('takes a new job when midnight passes while it loads, whichever clock is ahead', async () => {
    let clock = now;
    const options = { ...QUICK, now: () => clock };
    await batches().load(stock(1), options);
    now = Date.parse('2026-03-02T00:00:01Z');
    await batches().load(stock(2), options);
    clock = Date.parse('2026-03-02T00:00:02Z');
    await batches().load(stock(3), options);
    expect(fluent.jobs.map(({ day }) => day)).toEqual(['2026-03-01', '2026-03-02', '2026-03-02']);
    expect(sizes()).toEqual([[1], [2], [3]]);
  });

  describe('after a restart', () => {
    it('waits for what was sent, sends what was not, and leaves alone what is finished', async () => {
      fluent.batchRules = {
        status: (_, look) => (look > 0 && fluent.jobs[0]!.batches.length > 1 ? 'RUNNING' : undefined),
      };
      const abort = new AbortController();
      const first = load(stock(12_000), { loadId: 'stock', batchesAtOnce: 1, signal: abort.signal });
      await expect.poll(() => fluent.jobs[0]?.batches.length, WAIT).toBe(2);
      await expect.poll(() => fluent.requests.count('getBatch'), WAIT).toBeGreaterThan(4);
      abort.abort(new Error('killed'));
      await expect(first).rejects.toThrow('killed');
      fluent.batchRules = {};
      const result = await load(stock(12_000), { loadId: 'stock' });
      expect(sizes()).toEqual([[5000, 5000, 2000]]);
      expect(result).toMatchObject({ batchesSent: 3, batchesResumed: 1, entitiesDone: 12_000 });
      expect(fluent.inventory.size).toBe(12_000);
    });

    it('reports the failures of finished batches again', async () => {
      fluent.batchRules = { refuse: ({ qty }) => (qty === 7 ? 'no' : undefined) };
      const first = await load(stock(10), { loadId: 'stock' });
      const again = await load(stock(10), { loadId: 'stock' });
      expect(sizes()).toEqual([[10]]);
      expect(again.failures).toEqual(first.failures);
      expect(again.batchesResumed).toBe(1);
    });

    it('sends a batch whose content has changed, and all when the load is forgotten', async () => {
      await load(stock(10), { loadId: 'stock' });
      await load(stock(10, 5), { loadId: 'stock' });
      await load(stock(10), { loadId: 'other' });
      await load(stock(10), { loadId: 'stock' });
      expect(sizes()).toEqual([[10, 10, 10]]);
      await batches().forget('stock');
      await load(stock(10), { loadId: 'stock' });
      expect(sizes()).toEqual([[10, 10, 10, 10]]);
    });
  });

  it('repeats what time heals', async () => {
    fluent.faults.set({ kind: 'error', status: 503, operation: 'sendBatch', times: 2 });
    fluent.faults.set({ kind: 'reset', operation: 'getBatch', times: 2 });
    fluent.faults.set({ kind: 'html', operation: 'createJob', times: 1 });
    await expect(load(stock(10))).resolves.toMatchObject({ entitiesDone: 10, entitiesFailed: 0 });
    expect(fluent.faults.triggered('error')).toBe(2);
  });

  it('gives up in time, and can be resumed', async () => {
    fluent.batchRules = { status: () => 'RUNNING' };
    const polling = { baseDelayMs: 1, maxDelayMs: 5, giveUpAfterMs: 50 };
    await expect(load(stock(1), { loadId: 'stock', polling })).rejects.toThrow(/still RUNNING after 50 ms/);
    fluent.batchRules = {};
    await load(stock(1), { loadId: 'stock' });
    expect(sizes()).toEqual([[1]]);
    fluent.faults.set({ kind: 'error', operation: 'sendBatch' });
    const retrying = { baseDelayMs: 1, maxDelayMs: 5, giveUpAfterMs: 50 };
    await expect(load(stock(2), { retrying })).rejects.toThrow(TransientError);
  });

  it('stops when Fluent refuses a batch as a whole, or the source fails', async () => {
    await expect(load(stock(1), { entityType: '' })).rejects.toThrow(PermanentError);
    expect(fluent.requests.count('createJob')).toBe(1);
    await expect(
      load(
        (async function* () {
          yield* stock(5001);
          throw new Error('line 5003 is broken');
        })(),
      ),
    ).rejects.toThrow('line 5003 is broken');
  });
});
