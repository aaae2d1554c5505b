import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import {
  COMMERCETOOLS_ORDER_QUERY,
  type OrderStates,
  type OrderUpdateAction,
} from '../commercetools/index.js';
import { ConfigurationError } from '../errors.js';
import { FLUENT_ORDER_QUERY } from '../fluent/index.js';
import { callOverride, invalidReturn, nameOf } from '../call-override.js';
import { combineOrderFragments, type OrderFields, type OrderFragment } from '../graphql/index.js';
import {
  HookMetadata,
  type HookedOrder,
  type OrderStatusHookContract,
  type OrderStatusHookOptions,
} from './order-status-hook.js';

/** The limit of commercetools for one update. */
const MAX_ACTIONS = 500;

interface Hook {
  readonly instance: OrderStatusHookContract;
  readonly options: OrderStatusHookOptions;
}

/** The hooks of all modules, found and checked at start. */
@Injectable()
export class OrderStatusHooks implements OnModuleInit {
  private hooks: readonly Hook[] = [];
  /** The fields of a Fluent order that hooks request. */
  fluentFields?: OrderFields;
  /** The fields of a commercetools order that hooks request. */
  commercetoolsFields?: OrderFields;

  constructor(private readonly discovery: DiscoveryService) {}

  /** @throws ConfigurationError that names a hook without methods, or with an invalid fragment. */
  onModuleInit(): void {
    this.hooks = [...this.discover()].toSorted(
      (one, other) => (one.options.order ?? 0) - (other.options.order ?? 0),
    );
    this.fluentFields = combineOrderFragments(this.fragments('fluentFields'), FLUENT_ORDER_QUERY);
    this.commercetoolsFields = combineOrderFragments(
      this.fragments('commercetoolsFields'),
      COMMERCETOOLS_ORDER_QUERY,
    );
  }

  /** @returns the class of the first hook that skips the order. */
  async skippedBy(order: HookedOrder): Promise<string | undefined> {
    for (const { instance } of this.hooks) {
      const skips = () => instance.skip?.(order) ?? false;
      if (await callOverride(instance, 'skip', skips, order.signal)) return nameOf(instance);
    }
    return undefined;
  }

  /** @returns the update actions of all hooks, in their order. */
  async actions(order: HookedOrder, states: OrderStates): Promise<OrderUpdateAction[]> {
    const all: OrderUpdateAction[] = [];
    for (const { instance } of this.hooks) {
      const actions: unknown = await callOverride(
        instance,
        'actions',
        () => instance.actions?.(order, states),
        order.signal,
      );
      if (actions === undefined) continue;
      if (!Array.isArray(actions) || !actions.every(isAction)) {
        throw invalidReturn(
          instance,
          'actions',
          'something other than a list of update actions; each is an object with one key, e.g. { setCustomField: { name, value } }',
        );
      }
      all.push(...actions);
      if (all.length > MAX_ACTIONS) {
        throw invalidReturn(
          instance,
          'actions',
          `more than the ${MAX_ACTIONS} actions that one update may have`,
        );
      }
    }
    return all;
  }

  private *discover(): Generator<Hook> {
    const seen = new Set<unknown>();
    for (const wrapper of this.discovery.getProviders({ metadataKey: HookMetadata.KEY })) {
      const options = this.discovery.getMetadataByDecorator(HookMetadata, wrapper);
      const instance = wrapper.instance as OrderStatusHookContract | undefined;
      // One class may be provided by several modules, or under a second token.
      if (!options || !instance || seen.has(wrapper.metatype)) continue;
      seen.add(wrapper.metatype);
      if (typeof instance.skip !== 'function' && typeof instance.actions !== 'function') {
        throw new ConfigurationError(
          `${nameOf(instance)} has @OrderStatusHook but neither a method skip(order) nor actions(order, states)`,
        );
      }
      yield { instance, options };
    }
  }

  private fragments(side: 'fluentFields' | 'commercetoolsFields'): OrderFragment[] {
    return this.hooks.flatMap(({ instance, options }) => {
      const source = options[side];
      return source === undefined ? [] : [{ owner: `${nameOf(instance)} (${side})`, source }];
    });
  }
}

function isAction(action: unknown): action is OrderUpdateAction {
  return (
    typeof action === 'object' &&
    action !== null &&
    !Array.isArray(action) &&
    Object.keys(action).length === 1
  );
}
