import { Injectable } from '@nestjs/common';
import type { OrderStates } from '../commercetools/index.js';
import type { MappingKind, RetailerScope } from '../config/index.js';
import { ConfigurationError } from '../errors.js';
import type { FluentOrder } from '../fluent/index.js';
import { callOverride, invalidReturn } from '../call-override.js';
import { SettingsSource } from '../settings/index.js';
import { type MappedState, mappedState } from './mapped-state.js';
import { settingNames } from './setting-names.js';
import { StatusMapper } from './status-mapper.js';

/** Maps a Fluent status by three settings, one for each of the order's states. */
@Injectable()
export class SettingsStatusMapper extends StatusMapper {
  constructor(private readonly settings: SettingsSource) {
    super();
  }

  async map({ status }: FluentOrder, scope: RetailerScope): Promise<OrderStates> {
    // Asked for together, so that the source can read all of them at once.
    const [orderState, paymentState, shipmentState] = await Promise.all([
      this.stateOf('order', status, scope),
      this.stateOf('payment', status, scope),
      this.stateOf('shipping', status, scope),
    ]);
    return {
      ...(orderState && { orderState }),
      ...(paymentState && { paymentState }),
      ...(shipmentState && { shipmentState }),
    };
  }

  private async stateOf<TKind extends MappingKind>(
    kind: TKind,
    status: string,
    scope: RetailerScope,
  ): Promise<MappedState<TKind> | undefined> {
    const configured = scope.mappingSettings[kind];
    if (configured === undefined) return undefined;
    const names = settingNames(kind, configured);
    const { settings } = this;
    const setting = await callOverride(settings, 'get', () => settings.get(scope, names));
    if (!setting) {
      throw new ConfigurationError(
        `setting ${names.join(' or ')} does not exist for retailer ${scope.retailerId} of Fluent account ` +
          `${scope.account.id}: create it, or set ${kind.toUpperCase()}_STATUS_MAPPING_SETTING=off`,
      );
    }
    if (typeof setting !== 'object' || !('value' in setting)) {
      throw invalidReturn(settings, 'get', 'no setting with a value');
    }
    return mappedState(kind, setting, status);
  }
}
