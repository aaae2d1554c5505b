import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import {
  REDIS_PREFIX,
  RedisConnections,
  ScriptRunner,
  loadScripts,
  type RedisClient,
} from '../redis/index.js';

const PREFIX = `${REDIS_PREFIX}:backfill:`;
const KEYS = {
  /** The ids of all backfills, by the time of their request. */
  index: `${REDIS_PREFIX}:backfills`,
  /** The account and the retailer of each unfinished backfill. */
  unfinished: `${REDIS_PREFIX}:backfills:unfinished`,
};
/** A backfill is forgotten this long after its last change. */
const TTL_MS = 7 * 86_400_000;
/** Backfills that are kept; the oldest finished ones go first. */
const MAX_KEPT = 100;
/** Unfinished backfills at once. */
export const MAX_UNFINISHED = 20;

/** The states of a backfill. `paused`: it waits until its problem is over, then continues. */
export const BACKFILL_STATES = ['running', 'paused', 'finished', 'failed', 'cancelled'] as const;
/** One of {@link BACKFILL_STATES}. */
export type BackfillState = (typeof BACKFILL_STATES)[number];

/** Which orders are synced again: those that Fluent updated in a range of time, both ends included. */
export interface BackfillRequest {
  readonly accountId: string;
  /** Every configured retailer of the account when it is absent. */
  readonly retailerId?: string;
  /** Milliseconds since the epoch. */
  readonly from: number;
  /** Milliseconds since the epoch. */
  readonly to: number;
  /** The name of the operator. */
  readonly requestedBy: string;
}

/** How far a backfill has got. */
export interface BackfillProgress {
  /** All orders that were updated before this moment are submitted; milliseconds since the epoch. */
  readonly position: number;
  /** Pages that Fluent has returned. */
  readonly pagesRead: number;
  /** Orders of the requested retailers on these pages. */
  readonly ordersFound: number;
  /** Orders that are in the queue, or were. */
  readonly submitted: number;
  /** Moments whose orders Fluent could not return. */
  readonly skipped: number;
}

/** One backfill, as all replicas see it. */
export interface Backfill extends BackfillRequest {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly requestedAt: number;
  readonly state: BackfillState;
  /** Why it is paused or failed. */
  readonly problem?: string;
  /** Milliseconds since the epoch; absent while it is unfinished. */
  readonly endedAt?: number;
  readonly progress: BackfillProgress;
  /** The progress at the last finished window: another replica continues from here. */
  readonly committed: BackfillProgress;
}

/** What the replica that works on a backfill writes. */
export interface BackfillUpdate {
  readonly state: BackfillState;
  readonly problem?: string;
  readonly progress: BackfillProgress;
  readonly committed: BackfillProgress;
}

/** `busy`: an unfinished backfill covers the retailer. `full`: too many are unfinished. */
export type CreateResult =
  | { readonly result: 'created'; readonly backfill: Backfill }
  | { readonly result: 'busy'; readonly id: string }
  | { readonly result: 'full' };

interface BackfillScripts {
  createBackfill: {
    args:
      'prefix' | 'id' | 'account' | 'retailer' | 'request' | 'nowMs' | 'ttlMs' | 'maxKept' | 'maxUnfinished';
    reply: ['created'] | ['full'] | ['busy', id: string];
  };
  updateBackfill: {
    args: 'id' | 'token' | 'lockMs' | 'ttlMs' | 'state' | 'problem' | 'progress' | 'committed' | 'endedAt';
    reply: 'written' | 'lost' | 'cancelled';
  };
  cancelBackfill: { args: 'id' | 'nowMs'; reply: BackfillState | '' };
}

const SCRIPTS = loadScripts<BackfillScripts>(new URL('lua/', import.meta.url), {
  createBackfill: 'create-backfill',
  updateBackfill: 'update-backfill',
  cancelBackfill: 'cancel-backfill',
});

const RELEASE = `if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end return 0`;

/** The backfills that operators requested, in Redis: bounded, expiring, and worked on by one replica at a time. */
@Injectable()
export class BackfillStore {
  private readonly token = randomBytes(12).toString('base64url');
  private loaded?: ScriptRunner<BackfillScripts, keyof typeof KEYS | 'job' | 'lock'>;

  constructor(private readonly connections: RedisConnections) {}

  /** Not before an operator's request, or the first look for one: a connector without an admin API needs no Redis. */
  private get redis(): RedisClient {
    return this.connections.failFast;
  }

  private get scripts(): NonNullable<typeof this.loaded> {
    return (this.loaded ??= new ScriptRunner(this.redis, SCRIPTS, KEYS));
  }

  /** Waits until Redis can be used. @throws Error when it cannot be reached within seconds, or `stop` is aborted. */
  opened(stop: AbortSignal): Promise<void> {
    return this.connections.opened(stop);
  }

  async create(request: BackfillRequest): Promise<CreateResult> {
    const id = randomBytes(9).toString('base64url');
    const requestedAt = Date.now();
    const { accountId: account, retailerId: retailer = '' } = request;
    const [result, other = ''] = await this.scripts.run('createBackfill', {
      prefix: PREFIX,
      id,
      account,
      retailer,
      request: JSON.stringify({ ...request, requestedAt }),
      nowMs: requestedAt,
      ttlMs: TTL_MS,
      maxKept: MAX_KEPT,
      maxUnfinished: MAX_UNFINISHED,
    });
    if (result !== 'created') return { result, id: other };
    const backfill = await this.find(id);
    if (!backfill)
      throw new Error('Redis does not have the backfill that it has just stored; check its maxmemory-policy');
    return { result, backfill };
  }

  /** @returns the backfill, or undefined when it is unknown or was forgotten. */
  async find(id: string): Promise<Backfill | undefined> {
    return backfillOf(id, await this.redis.hgetall(PREFIX + id));
  }

  /** @returns all backfills, the newest first. */
  async list(): Promise<readonly Backfill[]> {
    const ids = await this.redis.zrevrange(KEYS.index, 0, MAX_KEPT - 1);
    const found = await Promise.all(ids.map((id) => this.find(id)));
    return found.filter((each) => each !== undefined);
  }

  /** @returns the ids of the backfills that are neither finished nor failed nor cancelled. */
  unfinished(): Promise<readonly string[]> {
    return this.redis.hkeys(KEYS.unfinished);
  }

  /**
   * Reserves the work on a backfill for this replica. {@link update} keeps the reservation.
   *
   * @param lockMs after this time without an update, another replica may take over.
   */
  async claim(id: string, lockMs: number): Promise<boolean> {
    return (await this.redis.set(lockKey(id), this.token, 'PX', lockMs, 'NX')) === 'OK';
  }

  async release(id: string): Promise<void> {
    await this.redis.eval(RELEASE, 1, lockKey(id), this.token);
  }

  /** @returns `lost` when another replica works on it, and `cancelled` when an operator has cancelled it. */
  async update(
    id: string,
    { state, problem = '', progress, committed }: BackfillUpdate,
    lockMs: number,
  ): Promise<'written' | 'lost' | 'cancelled'> {
    const isOver = state !== 'running' && state !== 'paused';
    const args = {
      id,
      token: this.token,
      lockMs,
      ttlMs: TTL_MS,
      state,
      problem,
      progress: JSON.stringify(progress),
      committed: JSON.stringify(committed),
      endedAt: isOver ? Date.now() : '',
    };
    return this.scripts.run('updateBackfill', args, { job: PREFIX + id, lock: lockKey(id) });
  }

  /** @returns the state before: it stays when the backfill is over. Undefined when it is unknown. */
  async cancel(id: string): Promise<BackfillState | undefined> {
    const before = await this.scripts.run('cancelBackfill', { id, nowMs: Date.now() }, { job: PREFIX + id });
    return before === '' ? undefined : before;
  }
}

function lockKey(id: string): string {
  return `${PREFIX}${id}:lock`;
}

function backfillOf(id: string, fields: Readonly<Record<string, string>>): Backfill | undefined {
  const { request: stored, state, problem, endedAt } = fields;
  if (stored === undefined) return undefined;
  const request = JSON.parse(stored) as BackfillRequest & Pick<Backfill, 'requestedAt'>;
  const start = { position: request.from, pagesRead: 0, ordersFound: 0, submitted: 0, skipped: 0 };
  const progress = (text: string | undefined): BackfillProgress =>
    text === undefined ? start : (JSON.parse(text) as BackfillProgress);
  return {
    ...request,
    id,
    state: state as BackfillState,
    ...(problem && { problem }),
    ...(endedAt !== undefined && { endedAt: Number(endedAt) }),
    progress: progress(fields['progress']),
    committed: progress(fields['committed']),
  };
}
