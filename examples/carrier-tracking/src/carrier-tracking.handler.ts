import { Injectable } from '@nestjs/common';
import {
  CommercetoolsClient,
  ConflictError,
  NotificationHandler,
  OrderLookup,
  OrderUpdate,
  PermanentError,
  TransientError,
  gql,
  orderOf,
  type CommercetoolsOrder,
  type FluentNotification,
  type HandlerContext,
  type HandlerResult,
  type NotificationHandlerContract,
  type TypedDocumentNode,
} from 'fluent-commercetools-connector';
import { TrackingAttributes, trackingActions, type DeliveryNode } from './tracking.js';

/** Conflicts in a row after which the queue's back-off takes over. */
const MAX_ROUNDS = 5;

const DELIVERIES: TypedDocumentNode<
  { order: { version: number; shippingInfo: { deliveries: DeliveryNode[] } | null } | null },
  { id: string }
> = gql`
  query Deliveries($id: String!) {
    order(id: $id) {
      version
      shippingInfo {
        deliveries {
          key
          parcels {
            key
            trackingData {
              trackingId
              carrier
            }
            custom {
              customFieldsRaw(includeNames: ["trackingUrl"]) {
                name
                value
              }
            }
          }
        }
      }
    }
  }
`;

/**
 * The hook of a carrier aggregator: a parcel that Fluent announces becomes a parcel of a delivery in
 * commercetools, with its tracking data. A notification that comes again finds the keys and changes nothing.
 */
@NotificationHandler({ names: 'example.carrier-tracking', attributes: TrackingAttributes })
@Injectable()
export class CarrierTrackingHandler implements NotificationHandlerContract<TrackingAttributes> {
  constructor(
    private readonly lookup: OrderLookup,
    private readonly client: CommercetoolsClient,
    private readonly update: OrderUpdate,
  ) {}

  async handle(
    notification: FluentNotification,
    context: HandlerContext<TrackingAttributes>,
  ): Promise<HandlerResult> {
    const { scope, signal, attributes, logger } = context;
    const options = { signal, correlationId: notification.id };
    const reference = orderOf(notification);
    if (!reference) throw new PermanentError('the notification names no order; send rootEntityRef of it');
    const order = await this.lookup.find(reference, scope, options);
    if (!order) throw new TransientError(`commercetools does not have the order ${reference.ref} yet`);

    for (let round = 1; ; round++) {
      const { version, deliveries } = await this.read(order, reference.ref, context, options);
      const shipment = `${notification.entityType}:${notification.entityId}`;
      const actions = trackingActions(deliveries, shipment, attributes);
      if (actions.length === 0) return { outcome: 'unchanged' };
      try {
        // The version that the deliveries were read with: another writer's parcel is never overlooked.
        await this.update.apply({ ...order, version }, actions, scope, options);
        logger.info({ orderRef: reference.ref, actions: actions.flatMap(Object.keys) }, 'parcel written');
        return { outcome: 'updated' };
      } catch (error) {
        if (!(error instanceof ConflictError) || round === MAX_ROUNDS) throw error;
      }
    }
  }

  private async read(
    { id }: CommercetoolsOrder,
    ref: string,
    { scope }: HandlerContext<TrackingAttributes>,
    options: { signal: AbortSignal; correlationId: string },
  ): Promise<{ version: number; deliveries: readonly DeliveryNode[] }> {
    const { order } = await this.client.query(scope.project.key, DELIVERIES, { id }, options);
    if (!order) throw new TransientError(`commercetools does not have the order ${ref} any more`);
    // commercetools keeps deliveries in the shipping info, and an update cannot create that.
    if (!order.shippingInfo) {
      throw new PermanentError(`order ${ref} has no shipping info, so it cannot have deliveries`);
    }
    return { version: order.version, deliveries: order.shippingInfo.deliveries };
  }
}
