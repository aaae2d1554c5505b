import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { REDIS_PREFIX, RedisConnections, type RedisClient } from '../redis/index.js';

const LOCK = `${REDIS_PREFIX}:reconciliation:lock`;
const LAST_LOOK = `${REDIS_PREFIX}:reconciliation:last-look`;
const WATERMARKS = `${REDIS_PREFIX}:reconciliation:watermarks`;
/** Renewed three times before it ends; a replica that died leaves the turn to another after this. */
const LOCK_MS = 60_000;

/** Deletes or prolongs the lock only while it is still ours. */
const IF_OURS = (command: string): string =>
  `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call(${command}) end return 0`;

/** What reconciliation shares between replicas and keeps across restarts. */
@Injectable()
export class ReconciliationState {
  private readonly token = randomUUID();
  private readonly redis: RedisClient;

  constructor(connections: RedisConnections) {
    this.redis = connections.failFast;
  }

  /**
   * Runs `look` when no other replica does and the last look is `intervalMs` ago; the lock is renewed
   * meanwhile. Should it be lost all the same, the signal is aborted.
   *
   * @returns whether it was this replica's turn.
   */
  async takeTurn(intervalMs: number, look: (signal: AbortSignal) => Promise<void>): Promise<boolean> {
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
      // A time to come was noted by a clock that has been set back since.
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

  /** @returns up to when the updates of an account were seen. */
  async watermark(accountId: string): Promise<Date | undefined> {
    const seenUntil = await this.redis.hget(WATERMARKS, accountId);
    return seenUntil === null ? undefined : new Date(seenUntil);
  }

  async setWatermark(accountId: string, seenUntil: Date): Promise<void> {
    await this.redis.hset(WATERMARKS, accountId, seenUntil.toISOString());
  }

  private async renew(): Promise<boolean> {
    return (await this.redis.eval(IF_OURS(`'PEXPIRE', KEYS[1], ${LOCK_MS}`), 1, LOCK, this.token)) === 1;
  }
}
