export {
  BACKFILL_STATES,
  MAX_UNFINISHED as MAX_UNFINISHED_BACKFILLS,
  type Backfill,
  type BackfillRequest,
  type BackfillState,
} from './backfill-store.js';
export { Backfills } from './backfills.js';
export * from './reconciliation.module.js';
