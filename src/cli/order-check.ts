import type { OrderView } from '../admin/index.js';
import { type CheckFinding, fail, pass, warn } from '../doctor/index.js';
import { asError } from '../errors.js';
import type { AdminApi } from './admin/admin-api.js';
import type { OrderOptions } from './order-output.js';

/** Compares one order on both sides, and says what a sync would send. */
export async function checkOrder(
  ref: string,
  { account, retailer }: OrderOptions,
  admin: AdminApi,
): Promise<CheckFinding> {
  const [check, subject] = ['order', `order ${ref}`];
  let order: OrderView;
  try {
    const path = `/orders/${encodeURIComponent(ref)}`;
    order = await admin.request<OrderView>({ method: 'GET', path, query: { account, retailer } });
  } catch (error) {
    return { check, ...fail(subject, asError(error).message) };
  }
  const { verdict, now } = order;
  const details = Object.entries(now.reasons ?? {}).map(([state, reason]) => `${state}: ${reason}`);
  for (const { hook, actions, lost } of now.hooks) {
    const added = actions.length > 0 ? `adds ${actions.join(', ')}` : 'has nothing to add';
    details.push(`${hook} ${lost === undefined ? added : `is left out: ${lost}`}`);
  }
  if (now.problem || !now.fluent || !now.commercetools) return { check, ...fail(subject, verdict), details };
  const isOpen =
    now.difference.length > 0 ||
    now.hooks.some(({ actions, lost }) => actions.length > 0 || lost !== undefined);
  return { check, ...(isOpen ? warn : pass)(subject, verdict), details };
}
