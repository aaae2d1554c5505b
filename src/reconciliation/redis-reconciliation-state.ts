import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { REDIS_PREFIX, RedisConnections, type RedisClient } from '../redis/index.js';
import { ReconciliationState, type Watermark } from './reconciliation-state.js';

const LOCK = `${REDIS_PREFIX}:reconciliation:lock`;
const LAST_LOOK = `${REDIS_PREFIX}:reconciliation:last-look`;
const WATERMARKS = `${REDIS_PREFIX}:reconciliation:watermarks`;
/** When each watermark was reached, by our clock. */
const REACHED = `${REDIS_PREFIX}:reconciliation:watermarks-reached`;
/** When the last complete search of each account began, by our clock. */
const LOOKED = `${REDIS_PREFIX}:reconciliation:looked`;
/** The holder renews the lock three times within this time. After it, another replica can take over from a dead one. */
const LOCK_MS = 60_000;

/** Deletes or extends the lock only while this replica holds it. */
const IF_OURS = (command: string): string =>
  `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call(${command}) end return 0`;

/** The state of reconciliation that replicas share and that survives restarts. */
@Injectable()
export class RedisReconciliationState extends ReconciliationState {
  private readonly token = randomUUID();
  private readonly redis: RedisClient;

  constructor(connections: RedisConnections) {
    super();
    this.redis = connections.failFast;
  }

  /** It renews the lock during the search. If it loses the lock, it aborts the signal. */
  override async takeTurn(
    intervalMs: number,
    look: (signal: AbortSignal) => Promise<void>,
  ): Promise<boolean> {
    if ((await this.redis.set(LOCK, this.token, 'PX', LOCK_MS, 'NX')) !== 'OK') return false;
    const lost = new AbortController();
    const renewal = setInterval(() => {
      this.renew().then(
        (ours) => ours || lost.abort(new Error('another replica has taken the turn')),
        (error: unknown) => lost.abort(error),
      );
    }, LOCK_MS / 4);
    try {
      const lastLook = Number((await this.redis.get(LAST_LOOK)) ?? 0);
      const agoMs = Date.now() - lastLook;
      // A time in the future comes from a clock that has been set back since.
      if (agoMs >= 0 && agoMs < intervalMs) return false;
      const startedAt = Date.now();
      await look(lost.signal);
      await this.redis.set(LAST_LOOK, startedAt);
      return true;
    } finally {
      clearInterval(renewal);
      await this.redis.eval(IF_OURS(`'DEL', KEYS[1]`), 1, LOCK, this.token);
    }
  }

  override async watermark(accountId: string): Promise<Watermark | undefined> {
    const [seenUntil, reachedAt] = await Promise.all([
      this.redis.hget(WATERMARKS, accountId),
      this.redis.hget(REACHED, accountId),
    ]);
    if (seenUntil === null) return undefined;
    return {
      seenUntil: new Date(seenUntil),
      reachedAt: reachedAt === null ? new Date() : new Date(reachedAt),
    };
  }

  override async setWatermark(accountId: string, { seenUntil, reachedAt }: Watermark): Promise<void> {
    await Promise.all([
      this.redis.hset(WATERMARKS, accountId, seenUntil.toISOString()),
      this.redis.hset(REACHED, accountId, reachedAt.toISOString()),
    ]);
  }

  override async setLookedAt(accountId: string, at: Date): Promise<void> {
    await this.redis.hset(LOOKED, accountId, at.getTime());
  }

  override async agesMs(accountIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const now = Date.now();
    const ages = await Promise.all(
      accountIds.map(async (accountId): Promise<[string, number]> => {
        await this.redis.hsetnx(LOOKED, accountId, now);
        const lookedAt = Number(await this.redis.hget(LOOKED, accountId));
        return [accountId, Math.max(now - lookedAt, 0)];
      }),
    );
    return new Map(ages);
  }

  private async renew(): Promise<boolean> {
    return (await this.redis.eval(IF_OURS(`'PEXPIRE', KEYS[1], ${LOCK_MS}`), 1, LOCK, this.token)) === 1;
  }
}
