import { createPrivateKey } from 'node:crypto';
import { type WebhookKeys, signWebhook } from '../src/testing/index.js';

export interface SignedWebhook {
  readonly id: string;
  readonly body: string;
  readonly headers: Record<string, string>;
}

let serial = 0;

/** Which orders webhooks are about: `orders` many from number `from` on, in turn. */
export interface WebhookTopic {
  readonly from?: number;
  readonly orders: number;
  readonly entityStatus: string;
}

/** Webhooks with ids of their own, signed. */
export function signedWebhooks(
  keys: WebhookKeys,
  count: number,
  { from = 0, orders, entityStatus }: WebhookTopic,
): SignedWebhook[] {
  const privateKey = createPrivateKey(keys.privateKey);
  return Array.from({ length: count }, (_, index) => {
    const order = from + (index % orders);
    const id = `b34281d0-ada4-11e9-a1a7-${String(++serial).padStart(12, '0')}`;
    const body = JSON.stringify({
      id,
      name: 'fc.connect.order.webhook.order-status-update',
      accountId: 'ACME',
      retailerId: '1',
      rootEntityId: String(order),
      rootEntityRef: `O_${order}`,
      rootEntityType: 'ORDER',
      entityId: String(order),
      entityRef: `O_${order}`,
      entityType: 'ORDER',
      entityStatus,
      type: 'NORMAL',
      attributes: {},
    });
    return { id, body, headers: { 'content-type': 'application/json', ...signWebhook(body, privateKey) } };
  });
}
