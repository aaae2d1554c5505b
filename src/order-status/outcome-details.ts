import { STATE_FIELDS } from './states-by-history.js';
import type { SyncResult } from './order-status-sync.js';

/** What the outcome's log line says of a sync. */
export interface OutcomeDetails {
  readonly fluentStatus: string;
  /** By state, what it is, or what it was and has become: `Pending -> Paid`. */
  readonly states: Readonly<Record<string, string>>;
  /** Where the status could get an entry, when no mapping has one. */
  readonly mappings?: readonly string[];
  /** Whether the statuses that the order passed were needed, and with which result. */
  readonly skippedStatuses?: string;
  /** Which states may have stayed behind, and why. */
  readonly doubt?: string;
}

/** Pure: explains a sync in one line. */
export function outcomeDetails({ outcome, status, states, before, skipped }: SyncResult): OutcomeDetails {
  return {
    fluentStatus: status,
    states: Object.fromEntries(
      STATE_FIELDS.map((field) => {
        const was = before[field] ?? 'unset';
        const isChanged = outcome === 'updated' && states[field] !== undefined && states[field] !== was;
        return [field, isChanged ? `${was} -> ${states[field]}` : was];
      }),
    ),
    ...(outcome === 'unmapped' && { mappings: skipped?.sources }),
    ...(skipped?.result && { skippedStatuses: skipped.result }),
    ...(skipped?.doubt !== undefined && { doubt: skipped.doubt }),
  };
}
