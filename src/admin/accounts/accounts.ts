import { Injectable } from '@nestjs/common';
import { ConnectorConfig } from '../../config/index.js';
import { MessageQueue, type AccountPause } from '../../delivery/index.js';
import type { AccountView, PauseView } from './account-schemas.js';

const NOTHING = { waiting: 0, background: 0, running: 0, delayed: 0 };

/** What each account has to do, and what holds it back. */
@Injectable()
export class Accounts {
  constructor(
    private readonly config: ConnectorConfig,
    private readonly queue: MessageQueue,
  ) {}

  /** The configured accounts, and others that have work or are paused. */
  async list(): Promise<readonly AccountView[]> {
    const [pauses, lanes] = await Promise.all([this.queue.pauses(), this.queue.lanes()]);
    const byAccount = new Map(lanes.map((counts) => [counts.accountId, counts]));
    const configured = this.config.accounts.map(({ id }) => id);
    const all = new Set([...configured, ...byAccount.keys(), ...pauses.keys()]);
    return [...all].map((account) => {
      const {
        accountId: _,
        oldestUnfinishedAt,
        ...counts
      } = byAccount.get(account) ?? { ...NOTHING, accountId: account };
      const pause = pauses.get(account);
      return {
        account,
        ...(pause && { pause: pauseViewOf(pause) }),
        lanes: counts,
        ...(oldestUnfinishedAt && { oldestUnfinishedAt: oldestUnfinishedAt.toISOString() }),
      };
    });
  }
}

export function pauseViewOf({ by, since, reason }: AccountPause): PauseView {
  return { by, since: since.toISOString(), reason };
}
