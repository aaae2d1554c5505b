import { Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { callOverride } from '../call-override.js';
import { OrderLookup, type CommercetoolsOrder, type OrderStates } from '../commercetools/index.js';
import { ConnectorConfig, type RetailerScope } from '../config/index.js';
import { ConfigurationError } from '../errors.js';
import { FluentClient, type FluentOrder } from '../fluent/index.js';
import { StatusMapper } from '../mapping/index.js';
import { ConnectorMetrics } from '../metrics/index.js';
import type { OrderReference } from '../notification/index.js';
import { ExpiringKeys } from '../redis/index.js';

/** Bounds what is kept: a commercetools order without a written state for this long has no owner. */
const OWNER_SECONDS = 7 * 86_400;

/** The Fluent order that a commercetools order was last written for. */
interface OrderOwner extends OrderReference {
  readonly accountId: string;
  readonly retailerId: string;
}

interface OwnerOptions {
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/**
 * Keeps two Fluent orders from writing the states of one commercetools order in turn. It remembers for which Fluent order a
 * commercetools order was last written: in Redis, or without Redis for this process alone.
 */
@Injectable()
export class OrderOwners {
  constructor(
    private readonly keys: ExpiringKeys,
    private readonly config: ConnectorConfig,
    private readonly fluent: FluentClient,
    private readonly lookup: OrderLookup,
    private readonly mapper: StatusMapper,
    private readonly metrics: ConnectorMetrics,
  ) {}

  /**
   * To be asked before the states of an order are written. Another Fluent order that is gone, is cancelled, or leads to
   * another commercetools order now gives way.
   *
   * @param mapped the states of the order's own status.
   * @returns false when the order is cancelled itself, and must leave the commercetools order to the other one.
   * @throws ConfigurationError that names both Fluent orders.
   * @throws TransientError when it cannot be found out what became of the other one.
   */
  async mayWrite(
    { id, ref }: OrderReference,
    current: CommercetoolsOrder,
    mapped: OrderStates,
    scope: RetailerScope,
    options: OwnerOptions,
  ): Promise<boolean> {
    const { account, retailerId, project } = scope;
    const key = `owner:${JSON.stringify([project.key, current.id])}`;
    const own: OrderOwner = { accountId: account.id, retailerId, id, ref };
    const other = await this.claim(key, own, options);
    if (!other) return true;

    const both =
      `Fluent order ${id} (ref ${ref}, account ${own.accountId}, retailer ${retailerId}) and Fluent order ${other.id} ` +
      `(ref ${other.ref}, account ${other.accountId}, retailer ${other.retailerId}) lead to the same commercetools ` +
      `order ${current.id} of project ${project.key}`;
    if (await this.hasGivenWay(other, current, scope, options)) {
      options.logger.warn(`${both}; the first one takes it over, because the second one gave way`);
      await this.keys.set(key, JSON.stringify(own), OWNER_SECONDS);
      return true;
    }
    if (mapped.orderState === 'Cancelled') {
      options.logger.warn(`${both}; the first one is cancelled and leaves it to the second one`);
      return false;
    }
    this.metrics.sharedOrders.inc({ account: own.accountId });
    throw new ConfigurationError(
      `${both}, which was last written for the second one; cancel one of them, or make their refs differ after ` +
        'ORDER_REF_PREFIX is taken off, or give their retailers a project each',
      { code: 'SharedOrder' },
    );
  }

  private async claim(key: string, own: OrderOwner, options: OwnerOptions): Promise<OrderOwner | undefined> {
    const text = JSON.stringify(own);
    let noted: string | undefined;
    try {
      noted = await this.keys.claim(key, text, OWNER_SECONDS);
    } catch (error) {
      // To bring the order into agreement is worth more than to notice a mistake of the configuration.
      options.logger.debug(
        { err: error },
        'Redis did not tell for which Fluent order the order was last written',
      );
      return undefined;
    }
    if (noted === undefined) return undefined;
    const other = JSON.parse(noted) as OrderOwner;
    return other.accountId === own.accountId && other.id === own.id ? undefined : other;
  }

  private async hasGivenWay(
    other: OrderOwner,
    current: CommercetoolsOrder,
    { project }: RetailerScope,
    { signal }: OwnerOptions,
  ): Promise<boolean> {
    const scope = this.config.scope(other.accountId, other.retailerId);
    if (scope?.project.key !== project.key) return true;
    const { fluent, lookup, mapper } = this;
    const read = () => fluent.getOrder(scope, other.id, { signal });
    const order: FluentOrder | undefined = await callOverride(fluent, 'getOrder', read, signal);
    if (!order) return true;
    const find = () => lookup.find({ id: other.id, ref: order.ref }, scope, { signal });
    const found = await callOverride(lookup, 'find', find, signal);
    if (found?.id !== current.id) return true;
    const states = await callOverride(mapper, 'map', () => mapper.map(order, scope), signal);
    return states.orderState === 'Cancelled';
  }
}
