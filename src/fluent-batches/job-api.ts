import { asJsonObject, idText } from '../json.js';
import { PermanentError, TransientError } from '../errors.js';
import type { RestEndpoint } from '../transport/index.js';
import type { BatchEntity } from './batch-entity.js';

/** The action of a batch and its entity type. */
export interface BatchContent {
  readonly action: string;
  readonly entityType: string;
  readonly entities: readonly BatchEntity[];
}

/** The progress of a batch. */
export interface BatchStatus {
  /** PENDING, RUNNING, COMPLETE; Fluent may know further ones. */
  readonly status: string;
  /** Undefined when Fluent does not say. */
  readonly processedEntities?: number;
  /** Undefined when Fluent does not say. */
  readonly totalEntities?: number;
  readonly errors: readonly BatchError[];
}

/** A job and its batches. */
export interface JobStatus {
  readonly name?: string;
  /** OPEN, CLOSED; Fluent may know further ones. */
  readonly status: string;
  readonly batches: readonly { readonly batchId: string; readonly status?: string }[];
}

/** Why Fluent refused an entity of a batch, or the batch. */
export interface BatchError {
  readonly code?: string;
  readonly message: string;
  /** Position within the batch; undefined when the error is about the batch, or Fluent does not say. */
  readonly entityIndex?: number;
}

/** A job accepts no more batches once its day is over. */
const CLOSED = /^(CLOSED|COMPLETE|COMPLETED|FAILED|CANCELLED)$/;

/** The Job and Batch API of one account. */
export class JobApi {
  constructor(
    private readonly rest: RestEndpoint,
    private readonly signal?: AbortSignal,
  ) {}

  async createJob(name: string, retailerId: string): Promise<string> {
    const { body } = await this.rest.call({
      operation: 'CreateJob',
      method: 'POST',
      path: '/job',
      body: { name, retailerId },
      signal: this.signal,
    });
    return idOf(body, 'the new job');
  }

  async isOpen(jobId: string): Promise<boolean> {
    const job = await this.job(jobId);
    return job !== undefined && !CLOSED.test(job.status);
  }

  /** @returns undefined when Fluent does not know the job. */
  async job(jobId: string): Promise<JobStatus | undefined> {
    const { status: httpStatus, body } = await this.rest.call({
      operation: 'GetJob',
      method: 'GET',
      path: `/job/${encodeURIComponent(jobId)}`,
      alsoAnswers: [404],
      signal: this.signal,
    });
    if (httpStatus === 404) return undefined;
    const { name, status, batch, batches = batch } = asJsonObject(body);
    return {
      name: idText(name),
      status: (idText(status) ?? '').toUpperCase(),
      batches: Array.isArray(batches) ? batches.flatMap(toBatch) : [],
    };
  }

  async sendBatch(jobId: string, content: BatchContent): Promise<string> {
    const { body } = await this.rest.call({
      operation: 'SendBatch',
      method: 'POST',
      path: `/job/${encodeURIComponent(jobId)}/batch`,
      body: content,
      signal: this.signal,
    });
    return idOf(body, 'the new batch');
  }

  async batchStatus(jobId: string, batchId: string): Promise<BatchStatus> {
    const { status: httpStatus, body } = await this.rest.call({
      operation: 'GetBatch',
      method: 'GET',
      path: `/job/${encodeURIComponent(jobId)}/batch/${encodeURIComponent(batchId)}`,
      alsoAnswers: [404],
      signal: this.signal,
    });
    if (httpStatus === 404) throw new PermanentError(`Fluent does not know batch ${batchId} of job ${jobId}`);
    const { status, processedEntities, totalEntities, errors } = asJsonObject(body);
    if (typeof status !== 'string')
      throw new TransientError(`batch ${batchId} was answered without a status`);
    return {
      status: status.toUpperCase(),
      processedEntities: typeof processedEntities === 'number' ? processedEntities : undefined,
      totalEntities: typeof totalEntities === 'number' ? totalEntities : undefined,
      errors: Array.isArray(errors) ? errors.map(toError) : [],
    };
  }
}

/** The field of the id is called `id` or `batchId`. */
function toBatch(batch: unknown): JobStatus['batches'] {
  const { id, batchId = id, status } = asJsonObject(batch);
  const known = idText(batchId);
  return known === undefined ? [] : [{ batchId: known, status: idText(status)?.toUpperCase() }];
}

function toError(error: unknown): BatchError {
  const { code, message, entityIndex } = asJsonObject(error);
  return {
    code: idText(code),
    message: idText(message) ?? 'no message',
    entityIndex: typeof entityIndex === 'number' ? entityIndex : undefined,
  };
}

function idOf(body: unknown, what: string): string {
  const id = idText(asJsonObject(body)['id']);
  if (id === undefined) throw new TransientError(`Fluent answered without the id of ${what}`);
  return id;
}
