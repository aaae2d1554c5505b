import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import {
  CommercetoolsClient,
  ConfiguredOrderLookup,
  ConfiguredOrderReferenceResolver,
  OrderLookup,
  OrderReferenceResolver,
} from '../commercetools/index.js';
import { ConnectorConfig, type RetailerScope } from '../config/index.js';
import { callOverride } from '../call-override.js';
import { PermanentError, TransientError } from '../errors.js';
import { FluentClient, type FluentOrder } from '../fluent/index.js';
import { FluentEvents, OrderCancel } from '../fluent-events/index.js';
import {
  NotificationHandler,
  type HandlerContext,
  type HandlerResult,
  type NotificationHandlerContract,
} from '../handlers/index.js';
import { StatusMapper } from '../mapping/index.js';
import {
  commercetoolsMessageOf,
  messageNotificationName,
  type CommercetoolsInitiator,
  type CommercetoolsMessage,
  type FluentNotification,
} from '../notification/index.js';
import { CANCELLED_ORDER, ORDERS_BY_REF, type CancelledOrderNode } from './documents.js';

/**
 * The built-in handler of commercetools' `OrderStateChanged`. When another client cancels an order in commercetools, it
 * cancels the order in Fluent. Fluent decides whether the order can still be cancelled, and reports the result as a
 * webhook.
 */
@NotificationHandler({
  names: ({ commercetoolsMessages }) =>
    commercetoolsMessages ? [messageNotificationName('OrderStateChanged')] : [],
})
@Injectable()
export class OrderCancellationHandler implements NotificationHandlerContract, OnModuleInit {
  private readonly logger = new Logger('OrderCancellation');

  constructor(
    private readonly commercetools: CommercetoolsClient,
    private readonly fluent: FluentClient,
    private readonly events: FluentEvents,
    private readonly mapper: StatusMapper,
    private readonly config: ConnectorConfig,
    private readonly lookup: OrderLookup,
    private readonly references: OrderReferenceResolver,
  ) {}

  /** An overridden look-up has its own way back, and without it cancellations would look for the wrong refs. */
  onModuleInit(): void {
    if (!this.config.commercetoolsMessages) return;
    if (this.lookup instanceof ConfiguredOrderLookup) return;
    if (!(this.references instanceof ConfiguredOrderReferenceResolver)) return;
    this.logger.warn(
      `OrderLookup is overridden (${this.lookup.constructor.name}), but OrderReferenceResolver is not: cancellations ` +
        'look for the Fluent order by ORDER_LOOKUP; override OrderReferenceResolver, too',
    );
  }

  async handle(notification: FluentNotification, context: HandlerContext): Promise<HandlerResult> {
    const { scope, signal, logger } = context;
    const message = commercetoolsMessageOf(notification);
    const leave = (reason: string): HandlerResult => {
      logger.info({ orderRef: notification.entityRef }, `Fluent is not told to cancel the order: ${reason}`);
      return { outcome: 'unchanged' };
    };

    const { orderState } = message;
    if (orderState !== undefined && orderState !== 'Cancelled') return leave('it was not cancelled');
    const initiator = message.createdBy ?? undefined;
    if (isConnector(initiator, scope)) return leave('the connector itself wrote it');

    const { order } = await this.commercetools.query(
      scope.project.key,
      CANCELLED_ORDER,
      { id: notification.entityId },
      { signal, correlationId: notification.id },
    );
    if (!order) return leave('commercetools no longer has the order');
    const reason = reasonToLeave(message, initiator, order, scope);
    if (reason !== undefined) return leave(reason);

    const fluentOrder = await this.findFluentOrder(order, context);
    if (!fluentOrder) return leave('it belongs to another configured retailer, or is gone');
    // The state decides whether this is an echo, regardless of who wrote it and how often the message comes.
    if (await this.isCancelled(fluentOrder, scope)) return leave('Fluent has cancelled it already');

    const { id, ref, type } = fluentOrder;
    const { account, retailerId } = scope;
    const event = new OrderCancel({ entityId: id, entityRef: ref, entitySubtype: type });
    await this.events.send(event, { accountId: account.id, retailerId, signal });
    logger.info({ orderRef: ref }, 'order cancelled in commercetools: told Fluent to cancel it');
    return { outcome: 'updated' };
  }

  /**
   * @returns undefined when another configured retailer has the order; its own notification is about it.
   */
  private async findFluentOrder(
    order: CancelledOrderNode,
    context: HandlerContext,
  ): Promise<FluentOrder | undefined> {
    const id = await this.findFluentOrderId(order, context);
    // Read by itself: lists may lag behind writes.
    return id === undefined ? undefined : this.fluent.getOrder(context.scope, id, { signal: context.signal });
  }

  private async findFluentOrderId(
    order: CancelledOrderNode,
    { scope, signal }: HandlerContext,
  ): Promise<string | undefined> {
    const { account, retailerId, project } = scope;
    const { references } = this;
    const refs = await callOverride(references, 'fluentRefs', () =>
      references.fluentRefs(order.id, scope, { signal }),
    );
    if (refs.length === 0) {
      throw new PermanentError(
        `order ${order.id} of commercetools project ${project.key} has no ref in Fluent: the field that ORDER_LOOKUP ` +
          'names is empty; check ORDER_LOOKUP',
        { code: 'NoFluentRef' },
      );
    }
    const { orders } = await this.fluent.query(account.id, ORDERS_BY_REF, { refs }, { signal });
    const found = (orders?.edges ?? []).flatMap((edge) => edge?.node ?? []);
    const where = `Fluent account ${account.id}, retailer ${retailerId}`;
    if (found.length === 0) {
      throw new TransientError(
        `${where}: there is no order with the ref ${refs.join(' or ')}; ` +
          'if the order should exist, check ORDER_LOOKUP and ORDER_REF_PREFIX',
        { code: 'FluentOrderNotFound', maxAgeSeconds: this.config.orderNotFoundMaxAgeSeconds },
      );
    }
    const own = found.filter(({ retailer }) => retailer?.id === retailerId);
    for (const ref of refs) {
      const [match, ...others] = own.filter((candidate) => candidate.ref === ref);
      if (others.length > 0) {
        throw new PermanentError(
          `${where}: several orders have the ref ${ref} (ids ${own.map(({ id }) => id).join(', ')}); ` +
            'cancel the right one in Fluent',
          { code: 'AmbiguousOrder' },
        );
      }
      if (match) return match.id;
    }
    const retailers = found.map(({ retailer }) => retailer?.id ?? 'unknown');
    const isAnothers = retailers.some((id) => this.config.scope(account.id, id)?.project.key === project.key);
    if (isAnothers) return undefined;
    throw new PermanentError(
      `${where}: the order with the ref ${refs.join(' or ')} belongs to retailer ${retailers.join(', ')}; ` +
        'add it to FLUENT_RETAILER_IDS',
      { code: 'WrongRetailer' },
    );
  }

  private async isCancelled(order: FluentOrder, scope: RetailerScope): Promise<boolean> {
    if (/^cancell?ed$/i.test(order.status)) return true;
    return (await this.mapper.map(order, scope)).orderState === 'Cancelled';
  }
}

/** @returns why a change that the message alone does not tell to be the connector's needs no event, or undefined. */
function reasonToLeave(
  { resourceVersion }: CommercetoolsMessage,
  initiator: CommercetoolsInitiator | undefined,
  order: CancelledOrderNode,
  scope: RetailerScope,
): string | undefined {
  const isLastByConnector = isConnector(order.lastModifiedBy ?? undefined, scope);
  // There is no later write, so the last writer wrote this.
  if (isLastByConnector && order.version === resourceVersion) return 'the connector itself wrote it';
  if (order.orderState === 'Cancelled') return undefined;
  // A webhook of an older status can reset the order before the cancellation arrives. The cancellation still counts,
  // but only if another client certainly wrote it.
  if (isLastByConnector && initiator?.clientId) return undefined;
  return 'it is no longer cancelled';
}

function isConnector(initiator: CommercetoolsInitiator | undefined, { project }: RetailerScope): boolean {
  return initiator?.clientId === project.clientId;
}
