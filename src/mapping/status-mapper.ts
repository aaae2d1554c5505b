import type { OrderStates } from '../commercetools/index.js';
import type { RetailerScope } from '../config/index.js';
import type { FluentOrder } from '../fluent/index.js';

/** What a {@link StatusMapper} maps. */
export interface MappingOverview {
  /** Where an operator changes the mapping, e.g. the names of settings. */
  readonly sources: readonly string[];
  /** The states of every status that has an entry. */
  readonly statuses: ReadonlyMap<string, OrderStates>;
}

/**
 * Decides which commercetools states an order should have.
 *
 * Replace it when the mapping is not in settings, or depends on more than the order's status. The default is
 * {@link SettingsStatusMapper}, configured by `ORDER_STATUS_MAPPING_SETTING`, `PAYMENT_STATUS_MAPPING_SETTING` and
 * `SHIPPING_STATUS_MAPPING_SETTING`. Override it in `ConnectorModule.register({ overrides })`.
 *
 * An override must decide from the order and the scope alone, without side effects: it runs again after every
 * version conflict, and one run may cover several notifications. It may return only states that commercetools has;
 * with any other state the notification is retried.
 *
 * @example
 * @Injectable()
 * class PickupMapper extends StatusMapper {
 *   constructor(private readonly settings: SettingsStatusMapper) {
 *     super();
 *   }
 *
 *   async map(order: FluentOrder, scope: RetailerScope): Promise<OrderStates> {
 *     const states = await this.settings.map(order, scope);
 *     return order.type === 'CC' && order.status === 'COMPLETE' ? { ...states, shipmentState: 'Delivered' } : states;
 *   }
 * }
 *
 * ConnectorModule.register({ overrides: [{ provide: StatusMapper, useClass: PickupMapper }] });
 */
export abstract class StatusMapper {
  /**
   * @returns the states to set. A state that is missing stays as it is.
   * @throws ConfigurationError when a mapping exists but cannot be used, or does not exist at all.
   */
  abstract map(order: FluentOrder, scope: RetailerScope): Promise<OrderStates>;

  /**
   * Lists the statuses that have an entry. This method is optional. Without it, the connector reads the status history
   * of an order whenever {@link StatusMapper.map} omits a state, because an earlier status may have set that state.
   *
   * @throws ConfigurationError when a mapping exists but cannot be used, or does not exist at all.
   */
  overview?(scope: RetailerScope): Promise<MappingOverview>;
}
