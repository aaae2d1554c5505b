import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { ConnectorConfig } from '../config/index.js';
import { StatusMapper, type MappingOverview } from '../mapping/index.js';
import { SkippedStatuses } from './skipped-statuses.js';
import { STATE_FIELDS, type StateField } from './states-by-history.js';

/** How old what is shown may be, when it is asked for. */
const REFRESH_MS = 60_000;
/** Retailers that are looked at; those of an account that accepts any are not known. */
const MAX_RETAILERS = 100;

/** The statuses of one retailer that one mapping has and another lacks. */
export interface RetailerGaps {
  readonly accountId: string;
  readonly retailerId: string;
  /** By state, the statuses that another mapping has an entry for, and this one does not. */
  readonly lacking: Readonly<Partial<Record<StateField, readonly string[]>>>;
  /** Why a state can stay behind at such a status; undefined while the status history makes up for it. */
  readonly unavailability?: string;
}

/** Knows which mappings are incomplete, says so once after the start, and tells `/health`. */
@Injectable()
export class MappingGaps implements OnApplicationBootstrap {
  private readonly logger = new Logger('Mappings');
  private readonly logged = new Set<string>();
  private known: readonly Omit<RetailerGaps, 'unavailability'>[] = [];
  private refreshedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly config: ConnectorConfig,
    private readonly mapper: StatusMapper,
    private readonly skippedStatuses: SkippedStatuses,
  ) {}

  onApplicationBootstrap(): void {
    void this.refresh();
  }

  /** What is known now. What is older than a minute is read again, for the next time. */
  get(): readonly RetailerGaps[] {
    void this.refresh();
    return this.known.map((gaps) => ({
      ...gaps,
      unavailability: this.skippedStatuses.unavailability(gaps.accountId),
    }));
  }

  private async refresh(): Promise<void> {
    const { mapper, config } = this;
    // An ingress does not call Fluent.
    if (config.role === 'ingress' || !mapper.overview) return;
    if (performance.now() - this.refreshedAt < REFRESH_MS) return;
    this.refreshedAt = performance.now();
    const known: Omit<RetailerGaps, 'unavailability'>[] = [];
    for (const [accountId, retailerId] of this.retailers()) {
      const scope = config.scope(accountId, retailerId);
      if (!scope) continue;
      try {
        const lacking = gapsOf(await mapper.overview(scope));
        if (Object.keys(lacking).length === 0) continue;
        known.push({ accountId, retailerId, lacking });
        this.logOnce({ accountId, retailerId, lacking });
      } catch (error) {
        // Each notification of this retailer says the same, loudly.
        this.logger.debug(
          `mappings of retailer ${retailerId} of Fluent account ${accountId} are not known: ${String(error)}`,
        );
      }
    }
    this.known = known;
  }

  private retailers(): (readonly [accountId: string, retailerId: string])[] {
    const all = this.config.accounts.flatMap(({ id }) =>
      this.config.retailerIds(id).map((retailerId) => [id, retailerId] as const),
    );
    return all.slice(0, MAX_RETAILERS);
  }

  private logOnce({ accountId, retailerId, lacking }: Omit<RetailerGaps, 'unavailability'>): void {
    const key = JSON.stringify([accountId, retailerId]);
    if (this.logged.has(key)) return;
    this.logged.add(key);
    const gaps = Object.entries(lacking).map(
      ([field, statuses]) => `${field} has no entry for ${statuses.join(', ')}`,
    );
    const message = `Fluent account ${accountId}, retailer ${retailerId}: ${gaps.join('; ')}`;
    if (this.config.statusHistory.isOn) {
      this.logger.log(
        `${message}. At these statuses the connector reads which statuses the order has passed; ` +
          'an entry for each status in every mapping makes that call needless',
      );
    } else {
      this.logger.warn(
        `${message}. With STATUS_HISTORY=off these states can stay behind; ` +
          'give each status an entry in every mapping',
      );
    }
  }
}

/** Pure: the statuses that one mapping has and another lacks. A mapping without entries is switched off. */
export function gapsOf({ statuses }: MappingOverview): RetailerGaps['lacking'] {
  const all = [...statuses];
  const gaps: Partial<Record<StateField, readonly string[]>> = {};
  for (const field of STATE_FIELDS) {
    const lacking = all.filter(([, states]) => states[field] === undefined).map(([status]) => status);
    if (lacking.length > 0 && lacking.length < all.length) gaps[field] = lacking;
  }
  return gaps;
}
