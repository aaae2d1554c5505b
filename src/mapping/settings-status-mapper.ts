import { Injectable } from '@nestjs/common';
import type { OrderStates } from '../commercetools/index.js';
import type { MappingKind, RetailerScope } from '../config/index.js';
import { ConfigurationError } from '../errors.js';
import type { FluentOrder } from '../fluent/index.js';
import { callOverride, invalidReturn } from '../call-override.js';
import { SettingsSource, type SettingValue } from '../settings/index.js';
import { mappedState, mappedStates } from './mapped-state.js';
import { settingNames } from './setting-names.js';
import { StatusMapper, type MappingOverview } from './status-mapper.js';

/** The state that each mapping decides. */
const STATE_FIELD = { order: 'orderState', payment: 'paymentState', shipping: 'shipmentState' } as const;
const KINDS = Object.keys(STATE_FIELD) as MappingKind[];

/** Maps a Fluent status by three settings, one for each of the order's states. */
@Injectable()
export class SettingsStatusMapper extends StatusMapper {
  constructor(private readonly settings: SettingsSource) {
    super();
  }

  async map({ status }: FluentOrder, scope: RetailerScope): Promise<OrderStates> {
    let states: OrderStates = {};
    for (const [kind, setting] of await this.settingsOf(scope)) {
      const state = mappedState(kind, setting, status);
      if (state !== undefined) states = { ...states, [STATE_FIELD[kind]]: state };
    }
    return states;
  }

  override async overview(scope: RetailerScope): Promise<MappingOverview> {
    const settings = await this.settingsOf(scope);
    const statuses = new Map<string, OrderStates>();
    for (const [kind, setting] of settings) {
      for (const [status, state] of mappedStates(kind, setting)) {
        statuses.set(status, { ...statuses.get(status), [STATE_FIELD[kind]]: state });
      }
    }
    return { sources: settings.map(([, { name, context }]) => `${name} (${context})`), statuses };
  }

  /** The setting of each mapping that is switched on. */
  private async settingsOf(scope: RetailerScope): Promise<(readonly [MappingKind, SettingValue])[]> {
    // Asked for together, so that the source can read all of them at once.
    return Promise.all(
      KINDS.filter((kind) => scope.mappingSettings[kind] !== undefined).map(
        async (kind) => [kind, await this.settingOf(kind, scope)] as const,
      ),
    );
  }

  private async settingOf(kind: MappingKind, scope: RetailerScope): Promise<SettingValue> {
    const names = settingNames(kind, scope.mappingSettings[kind] ?? '');
    const { settings } = this;
    const setting = await callOverride(settings, 'get', () => settings.get(scope, names));
    if (!setting) {
      throw new ConfigurationError(
        `setting ${names.join(' or ')} does not exist for retailer ${scope.retailerId} of Fluent account ` +
          `${scope.account.id} in ${settings.constructor.name}: create it, or set ` +
          `${kind.toUpperCase()}_STATUS_MAPPING_SETTING=off`,
      );
    }
    if (typeof setting !== 'object' || !('value' in setting)) {
      throw invalidReturn(settings, 'get', 'no setting with a value');
    }
    return setting;
  }
}
