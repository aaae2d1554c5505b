import { PermanentError, TransientError } from '../errors.js';
import type { RestEndpoint } from '../transport/index.js';
import type { BatchEntity } from './batch-entity.js';

/** What a batch does, and to what. */
export interface BatchContent {
  readonly action: string;
  readonly entityType: string;
  readonly entities: readonly BatchEntity[];
}

/** How far a batch is. */
export interface BatchStatus {
  /** PENDING, RUNNING, COMPLETE; Fluent may know further ones. */
  readonly status: string;
  readonly processedEntities?: number;
  readonly errors: readonly BatchError[];
}

export interface BatchError {
  readonly code?: string;
  readonly message: string;
  /** Position within the batch; undefined when the error is about the batch, or Fluent does not say. */
  readonly entityIndex?: number;
}

/** A job takes no more batches once its day is over. */
const CLOSED = /^(CLOSED|COMPLETE|COMPLETED|FAILED|CANCELLED)$/i;

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
    const { status, body } = await this.rest.call({
      operation: 'GetJob',
      method: 'GET',
      path: `/job/${encodeURIComponent(jobId)}`,
      alsoAnswers: [404],
      signal: this.signal,
    });
    return status !== 404 && !CLOSED.test(textOf(recordOf(body)['status']) ?? '');
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
    const { status, processedEntities, errors } = recordOf(body);
    if (typeof status !== 'string')
      throw new TransientError(`batch ${batchId} was answered without a status`);
    return {
      status: status.toUpperCase(),
      processedEntities: typeof processedEntities === 'number' ? processedEntities : undefined,
      errors: Array.isArray(errors) ? errors.map(toError) : [],
    };
  }
}

function toError(error: unknown): BatchError {
  const { code, message, entityIndex } = recordOf(error);
  return {
    code: textOf(code),
    message: textOf(message) ?? 'no message',
    entityIndex: typeof entityIndex === 'number' ? entityIndex : undefined,
  };
}

function idOf(body: unknown, what: string): string {
  const id = textOf(recordOf(body)['id']);
  if (id === undefined) throw new TransientError(`Fluent answered without the id of ${what}`);
  return id;
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** Ids come as text or as numbers. */
function textOf(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}
