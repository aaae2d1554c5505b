import type { OrderStates } from '../commercetools/index.js';
import type { FluentOrder } from '../fluent/index.js';
import type { MappingDecision } from '../mapping/index.js';
import type { SkippedStatusesFinding } from './skipped-statuses.js';
import type { StateField } from './states-by-history.js';

/** For each state, one bounded line: which setting, context and entry decided it, or why it stays. */
export type StateReasons = Readonly<Record<StateField, string>>;

/** Names of settings and statuses are free text; a line of the log is not. */
const MAX_REASON_LENGTH = 240;

/** Where the decisions of the built-in mapper are found. */
export interface DecisionSource {
  /** The class of the mapper in use. */
  readonly mapper: string;
  /** What the built-in mapper said about the order in a status; undefined when it was not asked. */
  decisionsIn(status: string): readonly MappingDecision[] | undefined;
}

/** Pure: explains the states of a sync. */
export function stateReasons(
  { status }: FluentOrder,
  mapped: OrderStates,
  { states: filled, decidedBy = {}, result }: SkippedStatusesFinding,
  source: DecisionSource,
): StateReasons {
  const reasonOf = (field: StateField): string => {
    const passed = decidedBy[field];
    if (passed !== undefined) return `passed ${decided(field, passed, filled[field], source)}`;
    if (mapped[field] !== undefined) return decided(field, status, mapped[field], source);
    const decisions = source.decisionsIn(status);
    const decision = decisions?.find((each) => each.field === field);
    if (!decisions || decision?.state !== undefined) return `left alone by ${source.mapper}`;
    if (!decision) return 'left alone: its mapping is switched off';
    const { setting, context } = decision;
    const doubt = result === 'unknown' ? ', and the statuses before are not known' : '';
    return `left alone: no entry for ${status} in ${setting} (${context})${doubt}`;
  };
  const shortened = (field: StateField): string => reasonOf(field).slice(0, MAX_REASON_LENGTH);
  return {
    orderState: shortened('orderState'),
    paymentState: shortened('paymentState'),
    shipmentState: shortened('shipmentState'),
  };
}

/** The same reason for every state. */
export function allBecause(reason: string): StateReasons {
  return { orderState: reason, paymentState: reason, shipmentState: reason };
}

function decided(
  field: StateField,
  status: string,
  state: string | undefined,
  source: DecisionSource,
): string {
  const decision = source.decisionsIn(status)?.find((each) => each.field === field);
  // An override may change what the settings say.
  if (!decision || decision.state !== state) return `${status} = ${state} by ${source.mapper}`;
  return `${status} = ${state} in ${decision.setting} (${decision.context})`;
}
