/** Why Fluent did not accept an entity. */
export interface EntityFailure {
  /** Position within the load, from 0; undefined when Fluent does not say which entity it was. */
  readonly index?: number;
  readonly jobId: string;
  readonly batchId: string;
  readonly code?: string;
  readonly message: string;
}

/** A batch that Fluent has taken. */
export interface BatchRecord {
  readonly jobId: string;
  readonly batchId: string;
  /** Set once Fluent has finished with it. */
  readonly done?: {
    readonly status: string;
    readonly failed: number;
    readonly failures: readonly EntityFailure[];
  };
}

/** The day of a retailer, which has one job. */
export interface JobDay {
  readonly accountId: string;
  readonly retailerId: string;
  /** UTC, `YYYY-MM-DD`. */
  readonly day: string;
}

/**
 * The records of loads that survive restarts: the job of the day, and the batches that Fluent has accepted. The service
 * keeps them in Redis, the command line in files.
 */
export abstract class LoadState {
  /** @returns the job of that day, or undefined when there is none yet. */
  abstract job(day: JobDay): Promise<string | undefined>;

  /**
   * @param replacing the job that turned out to be closed
   * @returns the valid job; another process may have created it first.
   */
  abstract setJob(day: JobDay, jobId: string, replacing?: string): Promise<string>;

  /** @param batchKey names a batch by number and content */
  abstract batch(loadId: string, batchKey: string): Promise<BatchRecord | undefined>;

  abstract setBatch(loadId: string, batchKey: string, record: BatchRecord): Promise<void>;

  /** Deletes the record, so the next load with this id starts from the beginning. */
  abstract forget(loadId: string): Promise<void>;
}
