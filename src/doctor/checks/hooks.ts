import { OrderLookup } from '../../commercetools/index.js';
import type { RetailerScope } from '../../config/index.js';
import { asError } from '../../errors.js';
import { FluentClient } from '../../fluent/index.js';
import { OrderStatusHooks } from '../../order-status/index.js';
import { type Check, type Finding, fail, hasFailed, pass, skip } from '../finding.js';
import { projectToken } from './commercetools.js';
import { fluentToken } from './fluent.js';

/** An id that no order has. */
const NO_ORDER = '0';

/**
 * The fields that hooks request. Each system checks the query with these fields against its schema before it looks for the
 * order, so this works where introspection is forbidden, and without an order.
 */
export const hooksCheck: Check = {
  name: 'hooks',
  async *run(context) {
    const { config, services, signal } = context;
    const { fluentFields, commercetoolsFields } = services.get(OrderStatusHooks, { strict: false });
    if (!fluentFields && !commercetoolsFields) {
      yield skip('fields of hooks', 'no hook requests fields');
      return;
    }
    const scopes = config.accounts.flatMap(({ id }) => {
      const scope = config.scope(id, config.retailerIds(id)[0] ?? NO_ORDER);
      return scope ? [scope] : [];
    });
    for (const scope of scopes) {
      if (fluentFields) {
        const subject = `fields of hooks in Fluent account ${scope.account.id}`;
        const fluent = services.get(FluentClient, { strict: false });
        const read = () => fluent.getOrder(scope, NO_ORDER, { fluentFields, signal });
        yield hasFailed(context, fluentToken(scope.account.id))
          ? skip(subject, 'Fluent gives no token')
          : await accepted(subject, read);
      }
      if (commercetoolsFields) yield await inCommercetools(scope);
    }

    async function inCommercetools(scope: RetailerScope): Promise<Finding> {
      const subject = `fields of hooks in commercetools project ${scope.project.key}`;
      if (hasFailed(context, projectToken(scope.project.key)))
        return skip(subject, 'commercetools gives no token');
      const lookup = services.get(OrderLookup, { strict: false });
      return accepted(subject, () =>
        lookup.find({ id: NO_ORDER, ref: NO_ORDER }, scope, { commercetoolsFields, signal }),
      );
    }
  },
};

async function accepted(subject: string, read: () => Promise<unknown>): Promise<Finding> {
  try {
    await read();
    return pass(subject, 'the schema has them');
  } catch (error) {
    return fail(subject, asError(error).message, "correct the hook's fragment");
  }
}
