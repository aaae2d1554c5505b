import { randomUUID } from 'node:crypto';
import { isJsonObject, isNonEmptyText } from '../../json.js';
import type { Answer } from '../http/api-emulator.js';
import type { Refuse } from './event-api.js';

/** A batch that was sent to the emulator. */
export interface FluentBatchEntry {
  readonly id: string;
  readonly jobId: string;
  readonly action: string;
  readonly entityType: string;
  readonly entityCount: number;
  readonly status: string;
}

/** A job of the emulator. */
export interface FluentJobEntry {
  readonly id: string;
  readonly name: string;
  readonly retailerId: string;
  /** UTC, `YYYY-MM-DD`; it takes batches on that day only. */
  readonly day: string;
  readonly batches: readonly FluentBatchEntry[];
}

/**
 * What becomes of batches. By default one is PENDING at the first look, RUNNING at the second, and COMPLETE
 * afterwards, and an entity fails that lacks `locationRef`, `skuRef` or `qty`.
 */
export interface BatchRules {
  /** The status that a look shows instead; undefined leaves it to the default. */
  status?: (batch: FluentBatchEntry, look: number) => string | undefined;
  /** Why an entity is refused; undefined takes it. */
  refuse?: (entity: Readonly<Record<string, unknown>>) => string | undefined;
}

interface StoredBatch extends FluentBatchEntry {
  status: string;
  looks: number;
  entities: readonly unknown[];
  errors: { code: string; message: string; entityIndex: number }[];
}

interface StoredJob extends FluentJobEntry {
  readonly batches: StoredBatch[];
}

const MAX_ENTITIES = 5000;

/** The Job and Batch API of one emulated account. */
export class JobApi {
  readonly #jobs = new Map<string, StoredJob>();
  readonly #inventory = new Map<string, Readonly<Record<string, unknown>>>();
  rules: BatchRules = {};

  constructor(
    private readonly now: () => number,
    private readonly refuse: Refuse,
  ) {}

  get jobs(): readonly FluentJobEntry[] {
    return [...this.#jobs.values()];
  }

  get inventory(): ReadonlyMap<string, Readonly<Record<string, unknown>>> {
    return this.#inventory;
  }

  createJob(body: unknown): Answer {
    if (!isJsonObject(body) || !isNonEmptyText(body['name']) || !isNonEmptyText(body['retailerId'])) {
      return this.refuse(400, 'C0113E', 'a job needs a name and a retailerId');
    }
    const job: StoredJob = {
      id: String(this.#jobs.size + 1),
      name: body['name'],
      retailerId: body['retailerId'],
      day: this.#today(),
      batches: [],
    };
    this.#jobs.set(job.id, job);
    return { status: 200, body: { id: job.id } };
  }

  getJob(id: string): Answer {
    const job = this.#jobs.get(id);
    if (!job) return this.refuse(404, 'C0014E', `there is no job ${id}`);
    const { name, retailerId, batches } = job;
    const status = job.day === this.#today() ? 'OPEN' : 'CLOSED';
    return {
      status: 200,
      body: {
        id,
        name,
        retailerId,
        status,
        batch: batches.map((batch) => ({ id: batch.id, status: batch.status })),
      },
    };
  }

  sendBatch(jobId: string, body: unknown): Answer {
    const job = this.#jobs.get(jobId);
    if (!job) return this.refuse(404, 'C0014E', `there is no job ${jobId}`);
    if (job.day !== this.#today()) {
      return this.refuse(400, 'C0120E', `job ${jobId} was closed at midnight UTC`);
    }
    if (!isJsonObject(body) || !isNonEmptyText(body['action']) || !isNonEmptyText(body['entityType'])) {
      return this.refuse(400, 'C0113E', 'a batch needs an action and an entityType');
    }
    const { entities } = body;
    if (!Array.isArray(entities) || entities.length === 0 || entities.length > MAX_ENTITIES) {
      return this.refuse(400, 'C0113E', `a batch has 1 to ${MAX_ENTITIES} entities`);
    }
    const batch: StoredBatch = {
      id: randomUUID(),
      jobId,
      action: body['action'],
      entityType: body['entityType'],
      entityCount: entities.length,
      status: 'PENDING',
      looks: 0,
      entities,
      errors: [],
    };
    job.batches.push(batch);
    return { status: 200, body: { id: batch.id } };
  }

  getBatch(jobId: string, id: string): Answer {
    const batch = this.#jobs.get(jobId)?.batches.find((candidate) => candidate.id === id);
    if (!batch) return this.refuse(404, 'C0014E', `there is no batch ${id} in job ${jobId}`);
    batch.looks += 1;
    if (batch.status === 'PENDING' || batch.status === 'RUNNING') {
      const usual = ['PENDING', 'RUNNING'][batch.looks - 1] ?? 'COMPLETE';
      batch.status = this.rules.status?.(batch, batch.looks) ?? usual;
      if (batch.status === 'COMPLETE') this.#complete(batch);
    }
    const { status, entityCount, errors } = batch;
    const processed = { COMPLETE: entityCount, RUNNING: Math.floor(entityCount / 2) }[status] ?? 0;
    return {
      status: 200,
      body: { id, jobId, status, processedEntities: processed, totalEntities: entityCount, errors },
    };
  }

  #complete(batch: StoredBatch): void {
    batch.entities.forEach((entity, entityIndex) => {
      const reason = isJsonObject(entity)
        ? (missingPart(entity) ?? this.rules.refuse?.(entity))
        : 'no object';
      if (reason !== undefined) batch.errors.push({ code: 'C0113E', message: reason, entityIndex });
      else if (batch.entityType === 'INVENTORY' && isJsonObject(entity)) {
        this.#inventory.set(`${String(entity['locationRef'])}:${String(entity['skuRef'])}`, entity);
      }
    });
    batch.entities = [];
  }

  #today(): string {
    return new Date(this.now()).toISOString().slice(0, 10);
  }
}

function missingPart(entity: Readonly<Record<string, unknown>>): string | undefined {
  if (!isNonEmptyText(entity['locationRef'])) return 'locationRef is missing';
  if (!isNonEmptyText(entity['skuRef'])) return 'skuRef is missing';
  // The contract says integer, and its samples write text.
  const { qty } = entity;
  const isQuantity = typeof qty === 'number' || (isNonEmptyText(qty) && Number.isInteger(Number(qty)));
  return isQuantity ? undefined : 'qty is missing';
}
