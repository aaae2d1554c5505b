import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { COMMERCETOOLS_ORDER_QUERY } from '../commercetools/index.js';
import { ConfigurationError } from '../errors.js';
import { FLUENT_ORDER_QUERY } from '../fluent/index.js';
import { nameOf } from '../call-override.js';
import { combineOrderFragments, type OrderFields, type OrderFragment } from '../graphql/index.js';
import { ConnectorMetrics } from '../metrics/index.js';
import { orderViewFor } from './asked-fields.js';
import {
  HookMetadata,
  type FieldsOption,
  type HookedOrder,
  type OrderStatusHookContract,
  type OrderStatusHookOptions,
} from './order-status-hook.js';

/** Why a hook could not do its part: its fields or update actions were refused, or its code failed. */
export type HookFailureCause = 'fields' | 'actions' | 'error';

/** A hook, found at start. */
export interface Hook {
  readonly instance: OrderStatusHookContract;
  readonly options: OrderStatusHookOptions;
  /** The name of its class. */
  readonly name: string;
  /** Whether orders wait while it cannot do its part. */
  readonly isRequired: boolean;
}

/** What a hook could not do in this process, for health details. */
export interface HookFailures {
  readonly hook: string;
  readonly required: boolean;
  /** How often since the start. */
  readonly count: number;
  readonly lastCause: HookFailureCause;
  readonly lastAt: Date;
}

const QUERIES = { fluentFields: FLUENT_ORDER_QUERY, commercetoolsFields: COMMERCETOOLS_ORDER_QUERY };

/** The hooks of all modules, found and checked at start, and what they could not do. */
@Injectable()
export class OrderStatusHooks implements OnModuleInit {
  /** In the order in which they run. */
  all: readonly Hook[] = [];
  private readonly views = new Map<Hook, (order: HookedOrder) => HookedOrder>();
  private readonly combined = new Map<string, OrderFields | undefined>();
  private readonly failures = new Map<Hook, HookFailures>();

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly metrics: ConnectorMetrics,
  ) {}

  /** @throws ConfigurationError that names a hook without methods, or with an invalid fragment. */
  onModuleInit(): void {
    this.all = [...this.discover()].toSorted(
      (one, other) => (one.options.order ?? 0) - (other.options.order ?? 0),
    );
    this.fieldsOf('fluentFields', this.all);
    this.fieldsOf('commercetoolsFields', this.all);
    for (const hook of this.all) this.views.set(hook, orderViewFor(hook.name, hook.options));
  }

  /** @returns the order as the hook sees it: only what a fragment asks for can be read. */
  seenBy(hook: Hook, order: HookedOrder): HookedOrder {
    return this.views.get(hook)!(order);
  }

  /** @returns the fields that these hooks request; undefined when they request none. */
  fieldsOf(option: FieldsOption, hooks: readonly Hook[]): OrderFields | undefined {
    const key = `${option} ${hooks.map((hook) => this.all.indexOf(hook)).join(' ')}`;
    if (!this.combined.has(key)) {
      this.combined.set(key, combineOrderFragments(fragmentsOf(option, hooks), QUERIES[option]));
    }
    return this.combined.get(key);
  }

  noteFailure(hook: Hook, cause: HookFailureCause): void {
    const { name, isRequired } = hook;
    this.metrics.hookFailures.inc({ hook: name, cause, required: String(isRequired) });
    const count = (this.failures.get(hook)?.count ?? 0) + 1;
    this.failures.set(hook, {
      hook: name,
      required: isRequired,
      count,
      lastCause: cause,
      lastAt: new Date(),
    });
  }

  /** @returns the hooks that could not do their part since the start of the process. */
  failed(): readonly HookFailures[] {
    return [...this.failures.values()];
  }

  private *discover(): Generator<Hook> {
    const seen = new Set<unknown>();
    for (const wrapper of this.discovery.getProviders({ metadataKey: HookMetadata.KEY })) {
      const options = this.discovery.getMetadataByDecorator(HookMetadata, wrapper);
      const instance = wrapper.instance as OrderStatusHookContract | undefined;
      // One class may be provided by several modules, or under a second token.
      if (!options || !instance || seen.has(wrapper.metatype)) continue;
      seen.add(wrapper.metatype);
      const name = nameOf(instance);
      if (typeof instance.skip !== 'function' && typeof instance.actions !== 'function') {
        throw new ConfigurationError(
          `${name} has @OrderStatusHook but neither a method skip(order) nor actions(order, states)`,
        );
      }
      yield { instance, options, name, isRequired: options.required ?? true };
    }
  }
}

function fragmentsOf(option: FieldsOption, hooks: readonly Hook[]): OrderFragment[] {
  return hooks.flatMap(({ name, options }) => {
    const source = options[option];
    return source === undefined ? [] : [{ owner: `${name} (${option})`, source }];
  });
}
