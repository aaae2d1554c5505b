import { Injectable } from '@nestjs/common';
import { ConnectorConfig } from '../../config/index.js';
import { MessageQueue } from '../../delivery/index.js';
import { circuitsOf } from '../overview/overview.js';
import { Replicas } from '../overview/replicas.js';
import type { AccountView } from './account-schemas.js';
import { pauseViewOf } from '../pause-view.js';

const NOTHING = { waiting: 0, background: 0, running: 0, delayed: 0 };

/** What each account has to do, and what holds it back. */
@Injectable()
export class Accounts {
  constructor(
    private readonly config: ConnectorConfig,
    private readonly queue: MessageQueue,
    private readonly replicas: Replicas,
  ) {}

  /** The configured accounts, and others that have work or are paused. */
  async list(): Promise<readonly AccountView[]> {
    const [pauses, lanes, replicas] = await Promise.all([
      this.queue.pauses(),
      this.queue.lanes(),
      this.replicas.list(),
    ]);
    const circuits = circuitsOf(replicas);
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
      const targets = this.targetsOf(account);
      return {
        account,
        ...(pause && { pause: pauseViewOf(pause) }),
        lanes: counts,
        circuits: circuits.filter(({ target }) => targets.has(target)),
        ...(oldestUnfinishedAt && { oldestUnfinishedAt: oldestUnfinishedAt.toISOString() }),
      };
    });
  }

  /** The names of the account's upstreams, as circuits have them. */
  private targetsOf(accountId: string): ReadonlySet<string> {
    const scopes = this.config.scopes().filter(({ account }) => account.id === accountId);
    // An account that accepts any retailer may write to every project.
    const projects = scopes.length > 0 ? scopes.map(({ project }) => project) : this.config.projects;
    return new Set([`fluent:${accountId}`, ...projects.map(({ key }) => `commercetools:${key}`)]);
  }
}
