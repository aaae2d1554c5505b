import { Injectable } from '@nestjs/common';
import type { CommercetoolsOrder, OrderStates } from '../commercetools/index.js';
import { ConnectorConfig, type RetailerScope } from '../config/index.js';
import type { FluentOrder } from '../fluent/index.js';
import { asJsonObject } from '../json.js';
import { StatusMapper, type MappingOverview } from '../mapping/index.js';
import { callOverride, invalidReturn, nameOf } from '../call-override.js';
import { StatusHistory, type PassedStatus } from '../status-history/index.js';
import { STATE_FIELDS, mayBeBehind, stateByHistory, type StateField } from './states-by-history.js';

/** What the statuses that an order has passed say about the states that its present status leaves alone. */
export interface SkippedStatusesFinding {
  /** To be set beside those of the present status. */
  readonly states: OrderStates;
  /**
   * `filled`: a skipped status gives a state that is to be set. `nothing_skipped`: every state is right.
   * `unknown`: a state may have stayed behind. Undefined: no passed status could make a difference.
   */
  readonly result?: 'filled' | 'nothing_skipped' | 'unknown';
  /** The history may lack the newest statuses: the order should be looked at once more. */
  readonly isBehind?: boolean;
  /** With `unknown`: which states may have stayed behind, and why. */
  readonly doubt?: string;
  /** Where the present status could get an entry, when a mapping has none. */
  readonly sources?: readonly string[];
}

/** Finds the states that statuses without a sync of their own would have left. */
@Injectable()
export class SkippedStatuses {
  /** Accounts whose history could not be had when it was last needed. */
  private readonly failing = new Set<string>();

  constructor(
    private readonly history: StatusHistory,
    private readonly mapper: StatusMapper,
    private readonly config: ConnectorConfig,
  ) {}

  /**
   * Must be called after both orders were read: a history that was read earlier could lack what the order
   * has passed since, and an old state would be written over a newer one.
   *
   * @param mapped what the present status gives.
   * @param statesOf what a status of this order gives.
   * @throws ConfigurationError when a passed status has an entry that cannot be used.
   */
  async find(
    current: CommercetoolsOrder,
    order: FluentOrder,
    mapped: OrderStates,
    scope: RetailerScope,
    statesOf: (status: string) => Promise<OrderStates>,
    signal: AbortSignal,
  ): Promise<SkippedStatusesFinding> {
    const open = STATE_FIELDS.filter((field) => mapped[field] === undefined);
    if (open.length === 0) return { states: {} };
    const overview = await this.overview(scope, signal);
    const fields = open.filter((field) =>
      mayBeBehind(field, current[field], possibleStates(overview, field)),
    );
    const sources = overview?.sources ?? [nameOf(this.mapper)];
    if (fields.length === 0) return { states: {}, sources };

    const unknown = (reason: string): SkippedStatusesFinding => ({
      states: {},
      result: 'unknown',
      doubt: doubtOf(fields, order.status, overview, reason),
      sources,
    });
    if (!this.config.statusHistory.isOn) return unknown('STATUS_HISTORY=off');
    let passed: readonly PassedStatus[];
    try {
      passed = await this.passed(order, scope, signal);
      this.failing.delete(scope.account.id);
    } catch (error) {
      signal.throwIfAborted();
      this.failing.add(scope.account.id);
      return unknown(error instanceof Error ? error.message : String(error));
    }

    const states = statesByHistory(current, fields, await givenBy(passed, statesOf));
    const isBehind = passed.at(-1)?.status !== order.status;
    if (Object.keys(states).length > 0) return { states, result: 'filled', isBehind, sources };
    return isBehind
      ? { ...unknown('the status history does not show the present status yet'), isBehind }
      : { states: {}, result: 'nothing_skipped', sources };
  }

  /**
   * @returns why states of this account can stay behind, or undefined while the history can be had. The
   * error itself is for the log: it may name hosts.
   */
  unavailability(accountId: string): string | undefined {
    if (!this.config.statusHistory.isOn) return 'STATUS_HISTORY=off';
    return this.failing.has(accountId) ? 'the status history cannot be read; the log says why' : undefined;
  }

  private async overview(scope: RetailerScope, signal: AbortSignal): Promise<MappingOverview | undefined> {
    const { mapper } = this;
    return callOverride(mapper, 'overview', () => mapper.overview?.(scope), signal);
  }

  private async passed(
    order: FluentOrder,
    scope: RetailerScope,
    signal: AbortSignal,
  ): Promise<readonly PassedStatus[]> {
    const { history } = this;
    const answer: unknown = await callOverride(
      history,
      'passed',
      () => history.passed(order, scope, { signal }),
      signal,
    );
    if (Array.isArray(answer) && answer.every((each) => typeof asJsonObject(each)['status'] === 'string'))
      return answer;
    throw invalidReturn(history, 'passed', 'no list of { status, at }');
  }
}

/** Every state that a field can get, or undefined when the mapper does not tell. */
function possibleStates(
  overview: MappingOverview | undefined,
  field: StateField,
): ReadonlySet<string> | undefined {
  if (!overview) return undefined;
  const states = [...overview.statuses.values()].map((each) => each[field]);
  return new Set(states.filter((state) => state !== undefined));
}

/** What each passed status gives, oldest first. */
async function givenBy(
  passed: readonly PassedStatus[],
  statesOf: (status: string) => Promise<OrderStates>,
): Promise<readonly OrderStates[]> {
  const distinct = [...new Set(passed.map(({ status }) => status))];
  // Together, so that settings that are not remembered are read once.
  const states = new Map(
    await Promise.all(distinct.map(async (status) => [status, await statesOf(status)] as const)),
  );
  return passed.map(({ status }) => states.get(status) ?? {});
}

function statesByHistory(
  current: CommercetoolsOrder,
  fields: readonly StateField[],
  given: readonly OrderStates[],
): OrderStates {
  const states: Partial<Record<StateField, string>> = {};
  for (const field of fields) {
    const ofField = given.map((each) => each[field]).filter((state) => state !== undefined);
    const state = stateByHistory(field, current[field], ofField);
    if (state !== undefined) states[field] = state;
  }
  return states as OrderStates;
}

function doubtOf(
  fields: readonly StateField[],
  status: string,
  overview: MappingOverview | undefined,
  reason: string,
): string {
  const parts = fields.map((field) => {
    const having = [...(overview?.statuses ?? [])]
      .filter(([, states]) => states[field] !== undefined)
      .map(([known]) => known);
    return `${field} has no entry for ${status}${having.length > 0 ? `, only for ${having.join(', ')}` : ''}`;
  });
  return `a state may have stayed behind: ${parts.join('; ')}; and the statuses before are not known: ${reason}`;
}
