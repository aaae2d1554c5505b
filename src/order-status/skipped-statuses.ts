import { Injectable } from '@nestjs/common';
import type { CommercetoolsOrder, OrderStates } from '../commercetools/index.js';
import { ConnectorConfig, type RetailerScope } from '../config/index.js';
import type { FluentOrder } from '../fluent/index.js';
import { asJsonObject } from '../json.js';
import { StatusMapper, type MappingOverview } from '../mapping/index.js';
import { callOverride, invalidReturn, nameOf } from '../call-override.js';
import { StatusHistory, type PassedStatus } from '../status-history/index.js';
import { STATE_FIELDS, mayBeBehind, stateByHistory, type StateField } from './states-by-history.js';

/** The result of looking at the statuses that an order has passed, for the states that its present status does not set. */
export interface SkippedStatusesFinding {
  /** The states to set in addition to those of the present status. */
  readonly states: OrderStates;
  /** The passed status that gives each of {@link states}. */
  readonly decidedBy?: Readonly<Partial<Record<StateField, string>>>;
  /**
   * `filled`: a skipped status gives a state to set. `nothing_skipped`: every state is correct. `unknown`: a state may be
   * out of date. Undefined: the passed statuses could not make a difference.
   */
  readonly result?: 'filled' | 'nothing_skipped' | 'unknown';
  /** The history may lack the newest statuses, so the order needs a recheck. */
  readonly isBehind?: boolean;
  /** With `unknown`: which states may be out of date, and why. */
  readonly doubt?: string;
  /** The mappings that could get an entry for the present status. */
  readonly sources?: readonly string[];
}

/** Finds the states that the order would have if every status that it passed had been synced. */
@Injectable()
export class SkippedStatuses {
  /** Accounts whose history could not be read the last time. */
  private readonly failing = new Set<string>();

  constructor(
    private readonly history: StatusHistory,
    private readonly mapper: StatusMapper,
    private readonly config: ConnectorConfig,
  ) {}

  /**
   * Call it after both orders were read. An earlier history could lack statuses that the order has passed since, and an old
   * state would overwrite a newer one.
   *
   * @param mapped the states of the present status.
   * @param statesOf returns the states of a status of this order.
   * @throws ConfigurationError when a passed status has an invalid entry.
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

    const { states, decidedBy } = statesByHistory(current, fields, passed, await givenBy(passed, statesOf));
    const isBehind = passed.at(-1)?.status !== order.status;
    if (Object.keys(states).length > 0) return { states, decidedBy, result: 'filled', isBehind, sources };
    return isBehind
      ? { ...unknown('the status history does not show the present status yet'), isBehind }
      : { states: {}, result: 'nothing_skipped', sources };
  }

  /**
   * @returns why states of this account can be out of date, or undefined while the history can be read. It does not contain
   * the error, which may name hosts.
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
    throw invalidReturn(history, 'passed', 'something other than a list of { status, at }');
  }
}

/** Every state that a field can get, or undefined when the mapper has no overview. */
function possibleStates(
  overview: MappingOverview | undefined,
  field: StateField,
): ReadonlySet<string> | undefined {
  if (!overview) return undefined;
  const states = [...overview.statuses.values()].map((each) => each[field]);
  return new Set(states.filter((state) => state !== undefined));
}

/** The states of each passed status, oldest first. */
async function givenBy(
  passed: readonly PassedStatus[],
  statesOf: (status: string) => Promise<OrderStates>,
): Promise<readonly OrderStates[]> {
  const distinct = [...new Set(passed.map(({ status }) => status))];
  // Concurrently, so that settings that are not cached are read once.
  const states = new Map(
    await Promise.all(distinct.map(async (status) => [status, await statesOf(status)] as const)),
  );
  return passed.map(({ status }) => states.get(status) ?? {});
}

function statesByHistory(
  current: CommercetoolsOrder,
  fields: readonly StateField[],
  passed: readonly PassedStatus[],
  given: readonly OrderStates[],
): Required<Pick<SkippedStatusesFinding, 'states' | 'decidedBy'>> {
  const states: Partial<Record<StateField, string>> = {};
  const decidedBy: Partial<Record<StateField, string>> = {};
  for (const field of fields) {
    const ofField = given.map((each) => each[field]).filter((state) => state !== undefined);
    const state = stateByHistory(field, current[field], ofField);
    if (state === undefined) continue;
    states[field] = state;
    decidedBy[field] = passed[given.findLastIndex((each) => each[field] === state)]?.status;
  }
  return { states: states as OrderStates, decidedBy };
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
