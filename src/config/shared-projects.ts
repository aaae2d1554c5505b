import type { RetailerScope } from './connector-config.js';
import type { AccountScopes } from './scoped-connector-config.js';

/**
 * Finds projects in which two Fluent orders may lead to one commercetools order. A ref is unique for its retailer only, and
 * taking prefixes off can make different refs equal. An order id as ref belongs to one order.
 *
 * @returns a warning for each project that several retailers or accounts share.
 */
export function sharedProjectWarnings(accounts: readonly AccountScopes[]): string[] {
  const byProject = new Map<string, string[]>();
  for (const { account, retailers, anyRetailer } of accounts) {
    const scopes: [string, Omit<RetailerScope, 'retailerId'>][] = [...retailers].map(([id, scope]) => [
      `retailer ${id} of account ${account.id}`,
      scope,
    ]);
    if (anyRetailer) scopes.push([`account ${account.id}`, anyRetailer]);
    for (const [name, { project, orderLookup, orderRefPrefix }] of scopes) {
      if (orderLookup === 'id') continue;
      const sharers = byProject.get(project.key) ?? [];
      byProject.set(project.key, [
        ...sharers,
        `${name} (${orderRefPrefix ? `prefix ${orderRefPrefix}` : 'no prefix'})`,
      ]);
    }
  }
  return [...byProject]
    .filter(([, sharers]) => sharers.length > 1)
    .map(
      ([key, sharers]) =>
        `commercetools project ${key} is shared by ${sharers.join(' and ')}; make sure that their refs differ after the ` +
        'prefix (ORDER_REF_PREFIX, orderRefPrefix) is taken off: two Fluent orders that lead to one commercetools ' +
        'order are refused',
    );
}
