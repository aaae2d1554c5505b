import type { RedisClient } from '../../redis/index.js';
import type { AccountPause, LaneCounts } from '../message-queue.js';
import { JOB_PREFIX, KEYS } from './keys.js';
import type { QueueScriptRunner } from './scripts.js';

/** Delayed and unfinished jobs that are looked at to count the lanes of the accounts. */
const MOST_LOOKED = 2000;

/** The accounts' lanes, and which accounts are paused. */
export class AccountLanes {
  constructor(
    private readonly client: RedisClient,
    private readonly scripts: QueueScriptRunner,
  ) {}

  async pause(accountId: string, { by, since, reason }: AccountPause): Promise<AccountPause> {
    const text = JSON.stringify({ by, since: since.getTime(), reason });
    await this.client.hsetnx(KEYS.paused, accountId, text);
    const stored = await this.client.hget(KEYS.paused, accountId);
    return pauseOf(stored ?? text);
  }

  async resume(accountId: string): Promise<boolean> {
    return (await this.scripts.run('resume', { accountId })) === 1;
  }

  async pauses(): Promise<ReadonlyMap<string, AccountPause>> {
    const all = Object.entries(await this.client.hgetall(KEYS.paused));
    return new Map(all.map(([accountId, text]) => [accountId, pauseOf(text)]));
  }

  async counts(): Promise<readonly LaneCounts[]> {
    const args = { jobPrefix: JOB_PREFIX, mostLooked: MOST_LOOKED };
    const lanes = await this.scripts.run('countLanes', args);
    return lanes.map(([accountId, waiting, background, running, delayed, oldestMs]) => ({
      accountId,
      waiting,
      background,
      running,
      delayed,
      oldestUnfinishedAt: oldestMs === '' ? undefined : new Date(Number(oldestMs)),
    }));
  }
}

function pauseOf(text: string): AccountPause {
  const pause = JSON.parse(text) as Omit<AccountPause, 'since'> & { since: number };
  return { ...pause, since: new Date(pause.since) };
}
