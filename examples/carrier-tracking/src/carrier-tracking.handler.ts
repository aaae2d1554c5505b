import { Injectable } from '@nestjs/common';
import {
  CommercetoolsOrders,
  NotificationHandler,
  PermanentError,
  gql,
  orderOf,
  type FluentNotification,
  type HandlerContext,
  type HandlerResult,
  type NotificationHandlerContract,
  type TypedDocumentNode,
} from 'fluent-commercetools-connector';
import { TrackingAttributes, trackingActions, type DeliveryNode } from './tracking.js';

const DELIVERIES: TypedDocumentNode<{ shippingInfo: { deliveries: DeliveryNode[] } | null }> = gql`
  fragment Deliveries on Order {
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
`;

/**
 * The hook of a carrier aggregator: a parcel that Fluent announces becomes a parcel of a delivery in
 * commercetools, with its tracking data. A notification that comes again finds the keys and changes nothing.
 */
@NotificationHandler({ names: 'example.carrier-tracking', attributes: TrackingAttributes })
@Injectable()
export class CarrierTrackingHandler implements NotificationHandlerContract<TrackingAttributes> {
  constructor(private readonly orders: CommercetoolsOrders) {}

  async handle(
    notification: FluentNotification,
    { scope, signal, attributes, logger }: HandlerContext<TrackingAttributes>,
  ): Promise<HandlerResult> {
    const reference = orderOf(notification);
    if (!reference) throw new PermanentError('the notification names no order; send rootEntityRef of it');
    const { ref } = reference;
    const shipment = `${notification.entityType}:${notification.entityId}`;

    // Runs again after a conflict, with the deliveries as they are then: another writer's parcel is never overlooked.
    const { outcome, actions } = await this.orders.updateOrder(
      scope,
      reference,
      ({ fields: { shippingInfo } }) => {
        // commercetools keeps deliveries in the shipping info, and an update cannot create that.
        if (!shippingInfo) {
          throw new PermanentError(`order ${ref} has no shipping info, so it cannot have deliveries`);
        }
        return trackingActions(shippingInfo.deliveries, shipment, attributes);
      },
      { fields: DELIVERIES, signal, correlationId: notification.id },
    );
    if (outcome === 'updated') {
      logger.info({ orderRef: ref, actions: actions.flatMap(Object.keys) }, 'parcel written');
    }
    return { outcome };
  }
}
