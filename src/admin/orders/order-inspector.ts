import { Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { OrderLookup, type CommercetoolsOrder } from '../../commercetools/index.js';
import { ConnectorConfig, type RetailerScope } from '../../config/index.js';
import { causeOf, describeError } from '../../delivery/index.js';
import { asError } from '../../errors.js';
import { FluentClient, type FluentOrder } from '../../fluent/index.js';
import { SettingsStatusMapper } from '../../mapping/index.js';
import { OrderStatusSync, STATE_FIELDS, type SyncResult } from '../../order-status/index.js';
import { StatusHistory } from '../../status-history/index.js';
import type { FoundOrder } from './order-finder.js';
import type { OrderNow, SyncView } from './order-schemas.js';

/** Newest statuses that are shown. */
const MAX_HISTORY = 50;

/** Reads both sides of one order, and syncs it when asked to. */
@Injectable()
export class OrderInspector {
  constructor(
    private readonly sync: OrderStatusSync,
    private readonly fluent: FluentClient,
    private readonly lookup: OrderLookup,
    private readonly history: StatusHistory,
    private readonly settingsMapper: SettingsStatusMapper,
    private readonly config: ConnectorConfig,
    private readonly logger: PinoLogger,
  ) {}

  /** What both systems say now. Never throws for what one of them answers: that is a part of the result. */
  async inspect({ id, ref, scope, error }: FoundOrder, signal: AbortSignal): Promise<OrderNow> {
    const now: OrderNow = {
      readAt: new Date().toISOString(),
      mappings: [],
      difference: [],
      hooks: [],
    };
    if (error) now.problem = failureOf(error);
    if (!scope) return now;
    if (id === undefined)
      return { ...now, ...(await this.commercetoolsSide({ id: '', ref }, scope, signal)) };
    try {
      const result = await this.run({ id, ref }, scope, signal, true);
      const { fluentOrder, commercetoolsOrder, reasons } = result;
      const decisions = this.settingsMapper.decisionsFor(fluentOrder) ?? [];
      return {
        ...now,
        fluent: fluentView(fluentOrder),
        ...(await this.statusHistory(fluentOrder, scope, signal)),
        mappings: decisions.map(({ field, state, ...line }) => ({ state: field, ...line, value: state })),
        commercetools: commercetoolsView(commercetoolsOrder, scope),
        difference: differenceOf(result),
        reasons,
        hooks: hooksOf(result),
      };
    } catch (thrown) {
      signal.throwIfAborted();
      return {
        ...now,
        ...(await this.fluentSide(id, scope, signal)),
        ...(await this.commercetoolsSide({ id, ref }, scope, signal)),
        problem: failureOf(thrown),
      };
    }
  }

  /** Syncs the order in this process, like a notification that just came. @throws ConnectorError as a sync does. */
  async syncNow(
    order: { readonly id: string; readonly ref: string },
    scope: RetailerScope,
    { dryRun, signal }: { readonly dryRun: boolean; readonly signal: AbortSignal },
  ): Promise<SyncView> {
    const result = await this.run(order, scope, signal, dryRun);
    return {
      outcome: result.outcome,
      dryRun,
      fluent: fluentView(result.fluentOrder),
      commercetools: commercetoolsView(result.commercetoolsOrder, scope),
      difference: differenceOf(result),
      reasons: result.reasons,
      hooks: hooksOf(result),
    };
  }

  private run(
    order: { readonly id: string; readonly ref: string },
    scope: RetailerScope,
    signal: AbortSignal,
    dryRun: boolean,
  ): Promise<SyncResult> {
    const { logger } = this.logger;
    return this.sync.sync(order, scope, { signal, logger, dryRun, correlationId: `admin:${order.ref}` });
  }

  private async statusHistory(
    order: FluentOrder,
    scope: RetailerScope,
    signal: AbortSignal,
  ): Promise<Pick<OrderNow, 'statusHistory' | 'statusHistoryProblem'>> {
    if (!this.config.statusHistory.isOn) return { statusHistoryProblem: 'STATUS_HISTORY=off' };
    try {
      const passed = await this.history.passed(order, scope, { signal });
      return {
        statusHistory: passed.slice(-MAX_HISTORY).map(({ status, at }) => ({ status, at: at.toISOString() })),
      };
    } catch (error) {
      return { statusHistoryProblem: asError(error).message };
    }
  }

  /** For an order that cannot be synced: what the problem is about is told by the sync. */
  private async fluentSide(
    id: string,
    scope: RetailerScope,
    signal: AbortSignal,
  ): Promise<Pick<OrderNow, 'fluent' | 'statusHistory' | 'statusHistoryProblem'>> {
    const order = await this.fluent.getOrder(scope, id, { signal }).catch(() => undefined);
    return order ? { fluent: fluentView(order), ...(await this.statusHistory(order, scope, signal)) } : {};
  }

  private async commercetoolsSide(
    order: { readonly id: string; readonly ref: string },
    scope: RetailerScope,
    signal: AbortSignal,
  ): Promise<Pick<OrderNow, 'commercetools' | 'problem'>> {
    try {
      const found = await this.lookup.find(order, scope, { signal });
      return found ? { commercetools: commercetoolsView(found, scope) } : {};
    } catch (error) {
      return { problem: failureOf(error) };
    }
  }
}

/** The changes of states that a sync has sent, or would send. */
function differenceOf({ states, before }: Pick<SyncResult, 'states' | 'before'>): OrderNow['difference'] {
  return STATE_FIELDS.flatMap((state) => {
    const [is, shouldBe] = [before[state], states[state]];
    return shouldBe === undefined || shouldBe === is ? [] : [{ state, ...(is && { is }), shouldBe }];
  });
}

function hooksOf({ hooks }: SyncResult): OrderNow['hooks'] {
  return hooks.map(({ actions, ...hook }) => ({ ...hook, actions: [...actions] }));
}

function fluentView({
  id,
  ref,
  retailerId,
  status,
  updatedOn,
}: FluentOrder): NonNullable<OrderNow['fluent']> {
  return { id, ref, retailer: retailerId, status, ...(updatedOn !== undefined && { updatedOn }) };
}

function commercetoolsView(
  { id, orderNumber, version, orderState, paymentState, shipmentState }: CommercetoolsOrder,
  { project }: RetailerScope,
): NonNullable<OrderNow['commercetools']> {
  return { project: project.key, id, orderNumber, version, orderState, paymentState, shipmentState };
}

function failureOf(thrown: unknown): NonNullable<OrderNow['problem']> {
  return {
    name: asError(thrown).name,
    message: asError(thrown).message,
    cause: causeOf(describeError(thrown)),
  };
}
