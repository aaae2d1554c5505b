import type { FluentNotification } from '../notification/index.js';

let serial = 0;

/** A notification about an order, as Fluent sends it, for tests. Each has its own id, unless `fields` has one. */
export function sampleNotification(fields: Partial<FluentNotification> = {}): FluentNotification {
  return {
    id: `sample-${++serial}`,
    name: 'order-status',
    accountId: 'ACME',
    retailerId: '1',
    entityId: '123',
    entityRef: 'O_123',
    entityType: 'ORDER',
    ...fields,
  };
}
