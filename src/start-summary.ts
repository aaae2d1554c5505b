import { Inject, Injectable, type InjectionToken } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { nameOf } from './call-override.js';
import {
  type AccountConfig,
  ConnectorConfig,
  KEPT_IN_MEMORY,
  type MappingSettings,
  type RetailerScope,
} from './config/index.js';
import { HandlerRegistry } from './handlers/index.js';
import { PinoLogger } from './logging/index.js';
import { StatusMapper } from './mapping/index.js';
import { OrderStatusHooks } from './order-status/index.js';
import { SettingsSource } from './settings/index.js';

/** The injection token of the list of overridden classes. */
export const OVERRIDDEN_CLASSES = Symbol('OVERRIDDEN_CLASSES');

/** A line of the log must stay readable. */
const MAX_RETAILERS = 20;

/** What this process does, and with which classes, in one line of the log. */
@Injectable()
export class StartSummary {
  constructor(
    private readonly config: ConnectorConfig,
    private readonly handlers: HandlerRegistry,
    private readonly hooks: OrderStatusHooks,
    private readonly modules: ModuleRef,
    @Inject(OVERRIDDEN_CLASSES) private readonly overridden: readonly InjectionToken[],
  ) {}

  log(): void {
    PinoLogger.root.info(this.describe(), 'the connector is configured');
  }

  describe(): Readonly<Record<string, unknown>> {
    const { role, accounts, projects, queue } = this.config;
    return {
      role,
      accounts: accounts.map((account) => this.describeAccount(account)),
      projects: projects.map(({ key }) => key),
      handlers: Object.fromEntries(this.handlers.all.map(({ className, names }) => [className, names])),
      hooks: this.hooks.all.map(({ name, isRequired }) => (isRequired ? name : `${name} (optional)`)),
      overrides: Object.fromEntries(
        this.overridden.map((token) => [tokenName(token), nameOf(this.instanceOf(token))]),
      ),
      ...(!queue.redis && { keptInMemory: KEPT_IN_MEMORY }),
    };
  }

  private describeAccount({ id }: AccountConfig): object {
    const ids = this.config.retailerIds(id);
    if (ids.length === 0) {
      const any = this.config.scope(id, '*');
      return { id, retailers: 'any', ...(any && this.describeScope(any)) };
    }
    const retailers = ids.slice(0, MAX_RETAILERS).map((retailerId) => {
      const scope = this.config.scope(id, retailerId);
      return { id: retailerId, ...(scope && this.describeScope(scope)) };
    });
    return {
      id,
      retailers,
      ...(ids.length > MAX_RETAILERS && { moreRetailers: ids.length - MAX_RETAILERS }),
    };
  }

  private describeScope({ project, orderLookup, mappingSettings }: RetailerScope): object {
    return { project: project.key, orderLookup, mappings: this.describeMappings(mappingSettings) };
  }

  private describeMappings({ order, payment, shipping }: MappingSettings): string | object {
    const mapper = this.instanceOf(StatusMapper);
    if (this.overridden.includes(StatusMapper)) return `by ${nameOf(mapper)}`;
    const source = nameOf(this.instanceOf(SettingsSource));
    const place = (setting: string | undefined) =>
      setting === undefined ? 'off' : `${setting} of ${source}`;
    return { order: place(order), payment: place(payment), shipping: place(shipping) };
  }

  private instanceOf(token: InjectionToken): object {
    return this.modules.get<object>(token, { strict: false });
  }
}

function tokenName(token: InjectionToken): string {
  return typeof token === 'function' ? token.name : String(token);
}
