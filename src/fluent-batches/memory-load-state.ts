import { LRUCache } from 'lru-cache';
import { type BatchRecord, type JobDay, LoadState } from './load-state.js';

/** The loads and the jobs that were used longest ago go first. */
const MAX_LOADS = 100;
const MAX_JOBS = 1000;

/** Keeps records of loads in this process, for a connector without Redis. After a restart a load starts from the beginning. */
export class MemoryLoadState extends LoadState {
  private readonly jobs = new LRUCache<string, string>({ max: MAX_JOBS });
  private readonly loads = new LRUCache<string, Map<string, BatchRecord>>({ max: MAX_LOADS });

  override job(day: JobDay): Promise<string | undefined> {
    return Promise.resolve(this.jobs.get(keyOf(day)));
  }

  override setJob(day: JobDay, jobId: string, replacing?: string): Promise<string> {
    const current = this.jobs.get(keyOf(day));
    if (current !== undefined && current !== replacing) return Promise.resolve(current);
    this.jobs.set(keyOf(day), jobId);
    return Promise.resolve(jobId);
  }

  override batch(loadId: string, batchKey: string): Promise<BatchRecord | undefined> {
    return Promise.resolve(this.loads.get(loadId)?.get(batchKey));
  }

  override setBatch(loadId: string, batchKey: string, record: BatchRecord): Promise<void> {
    const batches = this.loads.get(loadId) ?? new Map<string, BatchRecord>();
    this.loads.set(loadId, batches.set(batchKey, record));
    return Promise.resolve();
  }

  override forget(loadId: string): Promise<void> {
    this.loads.delete(loadId);
    return Promise.resolve();
  }
}

function keyOf({ accountId, retailerId, day }: JobDay): string {
  return JSON.stringify([accountId, retailerId, day]);
}
