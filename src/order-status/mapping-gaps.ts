import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { ConnectorConfig } from '../config/index.js';
import { StatusMapper, type MappingOverview } from '../mapping/index.js';
import { SkippedStatuses } from './skipped-statuses.js';
import { STATE_FIELDS, type StateField } from './states-by-history.js';

/** The gaps are read again when they are older than this. */
const REFRESH_MS = 60_000;
/** The most retailers that are checked. An account that accepts any retailer has none to check. */
const MAX_RETAILERS = 100;

/** The statuses of one retailer that one mapping has and another lacks. */
export interface RetailerGaps {
  readonly accountId: string;
  readonly retailerId: string;
  /** For each state, the statuses for which only another mapping has an entry. */
  readonly lacking: Readonly<Partial<Record<StateField, readonly string[]>>>;
  /** Why a state can be out of date at such a status. Undefined while the status history fills the gap. */
  readonly unavailability?: string;
}

/** Finds incomplete mappings, logs them once after the start, and reports them in `/health`. */
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

  /** @returns the last known gaps. If they are older than a minute, they are read again for the next call. */
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
    for (const scope of config.scopes().slice(0, MAX_RETAILERS)) {
      const { account, retailerId } = scope;
      const accountId = account.id;
      try {
        const lacking = gapsOf(await mapper.overview(scope));
        if (Object.keys(lacking).length === 0) continue;
        known.push({ accountId, retailerId, lacking });
        this.logOnce({ accountId, retailerId, lacking });
      } catch (error) {
        // Each notification of this retailer logs the same problem as an error.
        this.logger.debug(
          `mappings of retailer ${retailerId} of Fluent account ${accountId} are not known: ${String(error)}`,
        );
      }
    }
    this.known = known;
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

/** Pure: the statuses for which one mapping has an entry and another does not. Mappings without entries are skipped. */
export function gapsOf({ statuses }: MappingOverview): RetailerGaps['lacking'] {
  const all = [...statuses];
  const gaps: Partial<Record<StateField, readonly string[]>> = {};
  for (const field of STATE_FIELDS) {
    const lacking = all.filter(([, states]) => states[field] === undefined).map(([status]) => status);
    if (lacking.length > 0 && lacking.length < all.length) gaps[field] = lacking;
  }
  return gaps;
}
