import { Injectable } from '@nestjs/common';
import type { OrderStates } from '../commercetools/index.js';
import type { MappingKind, RetailerScope } from '../config/index.js';
import { ConfigurationError } from '../errors.js';
import type { FluentOrder } from '../fluent/index.js';
import { callOverride, invalidReturn, nameOf, promiseOf } from '../call-override.js';
import { SettingsSource, type SettingValue } from '../settings/index.js';
import { mappedState, mappedStates, settingNames } from './mapping-setting.js';
import { StatusMapper, type MappingOverview } from './status-mapper.js';

/** The state that each mapping decides. */
const STATE_FIELD = { order: 'orderState', payment: 'paymentState', shipping: 'shipmentState' } as const;
const KINDS = Object.keys(STATE_FIELD) as MappingKind[];

/**
 * What one mapping says about a status.
 *
 * @internal
 */
export interface MappingDecision {
  readonly field: keyof OrderStates;
  readonly status: string;
  /** The name under which the setting was found. */
  readonly setting: string;
  /** e.g. `RETAILER 1`. */
  readonly context: string;
  /** Undefined when the mapping has no entry for the status. */
  readonly state?: string;
}

interface WantedMapping {
  readonly kind: MappingKind;
  readonly names: readonly string[];
}

/** Maps a Fluent status with three settings, one for each state of the order. */
@Injectable()
export class SettingsStatusMapper extends StatusMapper {
  private readonly decisions = new WeakMap<FluentOrder, readonly MappingDecision[]>();
  /** The same for every order of a retailer. */
  private readonly wanted = new WeakMap<RetailerScope['mappingSettings'], readonly WantedMapping[]>();

  constructor(private readonly settings: SettingsSource) {
    super();
  }

  async map(order: FluentOrder, scope: RetailerScope): Promise<OrderStates> {
    const { status } = order;
    const states: Partial<Record<keyof OrderStates, string>> = {};
    const decisions: MappingDecision[] = [];
    for (const { kind, setting } of await this.settingsOf(scope)) {
      const field = STATE_FIELD[kind];
      const state = mappedState(kind, setting, status);
      if (state !== undefined) states[field] = state;
      decisions.push({ field, status, setting: setting.name, context: setting.context, state });
    }
    this.decisions.set(order, decisions);
    return states as OrderStates;
  }

  /**
   * @returns what each enabled mapping said when this very order was mapped last, also by an override that delegates;
   * undefined when it was not.
   * @internal
   */
  decisionsFor(order: FluentOrder): readonly MappingDecision[] | undefined {
    return this.decisions.get(order);
  }

  override async overview(scope: RetailerScope): Promise<MappingOverview> {
    const settings = await this.settingsOf(scope);
    const statuses = new Map<string, OrderStates>();
    for (const { kind, setting } of settings) {
      for (const [status, state] of mappedStates(kind, setting)) {
        statuses.set(status, { ...statuses.get(status), [STATE_FIELD[kind]]: state });
      }
    }
    return { sources: settings.map(({ setting: { name, context } }) => `${name} (${context})`), statuses };
  }

  /** The setting of each enabled mapping. */
  private async settingsOf(scope: RetailerScope): Promise<{ kind: MappingKind; setting: SettingValue }[]> {
    const { settings } = this;
    const wanted = this.wantedBy(scope);
    // Requested together, so that the source can read them in one call.
    const found = await callOverride(settings, 'get', () =>
      Promise.all(wanted.map(({ names }) => promiseOf(() => settings.get(scope, names)))),
    );
    return wanted.map(({ kind, names }, index) => ({
      kind,
      setting: this.checked(found[index], kind, names, scope),
    }));
  }

  private wantedBy({ mappingSettings }: RetailerScope): readonly WantedMapping[] {
    let wanted = this.wanted.get(mappingSettings);
    if (!wanted) {
      wanted = KINDS.flatMap((kind) => {
        const name = mappingSettings[kind];
        return name === undefined ? [] : [{ kind, names: settingNames(kind, name) }];
      });
      this.wanted.set(mappingSettings, wanted);
    }
    return wanted;
  }

  private checked(
    setting: SettingValue | undefined,
    kind: MappingKind,
    names: readonly string[],
    scope: RetailerScope,
  ): SettingValue {
    const { settings } = this;
    if (!setting) {
      throw new ConfigurationError(
        `setting ${names.join(' or ')} does not exist for retailer ${scope.retailerId} of Fluent account ` +
          `${scope.account.id} in ${nameOf(settings)}: create it, or set ` +
          `${kind.toUpperCase()}_STATUS_MAPPING_SETTING=off`,
      );
    }
    if (typeof setting !== 'object' || !('value' in setting)) {
      throw invalidReturn(settings, 'get', 'something other than a setting with a value');
    }
    return setting;
  }
}
