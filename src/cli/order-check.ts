import type { OrderView } from '../admin/index.js';
import { type Check, fail, pass, warn } from '../doctor/index.js';
import { asError } from '../errors.js';
import type { AdminApi } from './admin/admin-api.js';
import type { OrderOptions } from './order-output.js';

/** One order on both sides, and what a sync would send. */
export function orderCheck(ref: string, { account, retailer }: OrderOptions, admin: AdminApi): Check {
  const subject = `order ${ref}`;
  return {
    name: 'order',
    async *run() {
      let order: OrderView;
      try {
        const path = `/orders/${encodeURIComponent(ref)}`;
        order = await admin.request<OrderView>({ method: 'GET', path, query: { account, retailer } });
      } catch (error) {
        yield fail(subject, asError(error).message);
        return;
      }
      const { verdict, now } = order;
      const details = Object.entries(now.reasons ?? {}).map(([state, reason]) => `${state}: ${reason}`);
      if (now.problem || !now.fluent || !now.commercetools) yield { ...fail(subject, verdict), details };
      else if (now.difference.length > 0) yield { ...warn(subject, verdict), details };
      else yield { ...pass(subject, verdict), details };
    },
  };
}
