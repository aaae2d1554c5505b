import { Injectable } from '@nestjs/common';
import { ConnectorConfig, type RetailerScope } from '../config/index.js';
import { Problem } from '../http/index.js';

/** Which account and retailer a request means. */
@Injectable()
export class RequestedScope {
  constructor(private readonly config: ConnectorConfig) {}

  /** @throws Problem 400 when the account must be named, 404 when it is not configured. */
  accountOf(given: string | undefined): string {
    const ids = this.config.accounts.map(({ id }) => id);
    if (given !== undefined) {
      if (ids.includes(given)) return given;
      throw new Problem(404, {
        detail: `Fluent account ${given} is not configured; configured are ${ids.join(', ')}`,
      });
    }
    const [only, ...others] = ids;
    if (only !== undefined && others.length === 0) return only;
    throw new Problem(400, {
      detail: `several Fluent accounts are configured; name one as account: ${ids.join(', ')}`,
    });
  }

  /** @returns undefined when none is named and several are configured. @throws Problem 404 when it is not configured. */
  scopeOf(accountId: string, retailer: string | undefined): RetailerScope | undefined {
    const ids = this.config.retailerIds(accountId);
    const retailerId = retailer ?? (ids.length === 1 ? ids[0] : undefined);
    if (retailerId === undefined) return undefined;
    const scope = this.config.scope(accountId, retailerId);
    if (scope) return scope;
    throw new Problem(404, {
      detail: `retailer ${retailerId} of Fluent account ${accountId} is not configured`,
    });
  }
}
