import { Injectable } from '@nestjs/common';
import { ConnectorConfig, type RetailerScope } from '../../config/index.js';
import { asError } from '../../errors.js';
import { FluentClient, ORDER_BY_REF } from '../../fluent/index.js';
import { Problem } from '../../http/index.js';
import { RequestedScope } from '../requested-scope.js';
import type { OrderQuery } from './order-schemas.js';

/** What a ref stands for. */
export interface FoundOrder {
  readonly accountId: string;
  readonly ref: string;
  /** Undefined when it cannot be told which retailer is meant. */
  readonly scope?: RetailerScope;
  /** Fluent's id; undefined when Fluent does not have the order, or does not answer. */
  readonly id?: string;
  /** Why Fluent could not be asked. */
  readonly error?: Error;
}

/** Finds the order that a person means. */
@Injectable()
export class OrderFinder {
  constructor(
    private readonly config: ConnectorConfig,
    private readonly fluent: FluentClient,
    private readonly requested: RequestedScope,
  ) {}

  /**
   * @throws Problem 400 when account or retailer must be named, 404 when they are not configured. A Fluent that does not
   * answer is told by the result, because what is kept of the order can still be shown.
   */
  async find(ref: string, { account, retailer }: OrderQuery, signal: AbortSignal): Promise<FoundOrder> {
    const accountId = this.requested.accountOf(account);
    const scope = this.requested.scopeOf(accountId, retailer);
    const found = { accountId, ref, scope };
    try {
      const { orders } = await this.fluent.query(accountId, ORDER_BY_REF, { ref }, { signal });
      const nodes = (orders?.edges ?? []).flatMap((edge) => edge?.node ?? []);
      const ours = nodes.flatMap((node) => {
        const retailerId = node.retailer?.id ?? '';
        const itsScope =
          retailer === undefined || retailer === retailerId
            ? this.config.scope(accountId, retailerId)
            : undefined;
        return itsScope && node.ref === ref ? [{ id: node.id, scope: itsScope }] : [];
      });
      if (ours.length > 1) {
        const retailers = ours.map((each) => each.scope.retailerId).join(', ');
        throw new Problem(400, {
          detail: `several retailers have an order ${ref}; name one as retailer: ${retailers}`,
        });
      }
      return { ...found, ...ours[0] };
    } catch (error) {
      if (error instanceof Problem) throw error;
      return { ...found, error: asError(error) };
    }
  }
}
