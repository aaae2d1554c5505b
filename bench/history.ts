import { setTimeout as delay } from 'node:timers/promises';
import { CommercetoolsEmulator, FluentEmulator, type PrivateRedis } from '../src/testing/index.js';
import type { Row } from './report.js';
import { ConnectorProcess } from '../test/support/connector-process.js';

const ORDERS = 50;
const GIVE_UP_MS = 60_000;
const WALK = ['RECEIVED', 'BOOKED', 'PICK_PACK', 'AWAITING_COURIER_COLLECTION', 'COMPLETE'];
const COMPLETE_MAPPINGS = {
  order: ['Open', 'Confirmed', 'Confirmed', 'Confirmed', 'Complete'],
  payment: ['Pending', 'Paid', 'Paid', 'Paid', 'Paid'],
  shipping: ['Pending', 'Pending', 'Pending', 'Shipped', 'Shipped'],
} as const;

/** Calls to Fluent's audit log for each notification of a walk: with the reference mappings, and with complete ones. */
export async function benchHistory(redis: PrivateRedis): Promise<Row[]> {
  const settings = {
    order: 'fc.connect.commercetools.order.order-status-mapping',
    payment: 'fc.connect.commerce-tools.order.payment-status-mapping',
    shipping: 'fc.connect.commerce-tools.order.shipping-status-mapping',
  } as const;
  const reference = await callsPerNotification(redis, () => undefined);
  const complete = await callsPerNotification(redis, (fluent) => {
    for (const [kind, name] of Object.entries(settings)) {
      const states = COMPLETE_MAPPINGS[kind as keyof typeof settings];
      const mapping = Object.fromEntries(WALK.map((status, index) => [status, states[index]]));
      fluent.setSetting({ name, lobValue: { fluent: mapping } });
    }
  });
  return [
    {
      what: 'audit log, reference mappings',
      note: `${reference.toFixed(2)} calls per notification (at most 0.6)`,
    },
    { what: 'audit log, complete mappings', note: `${complete.toFixed(2)} calls per notification (0)` },
  ];
}

async function callsPerNotification(
  redis: PrivateRedis,
  prepare: (fluent: FluentEmulator) => void,
): Promise<number> {
  const fluent = await new FluentEmulator().start();
  const commercetools = await new CommercetoolsEmulator().start();
  fluent.useReferenceMappings();
  prepare(fluent);
  const connector = await ConnectorProcess.start({
    REDIS_URL: redis.url,
    RECONCILE_INTERVAL: '0',
    ...fluent.environment,
    ...commercetools.environment,
  });
  try {
    fluent.webhookUrl = connector.webhookUrl;
    const ids = Array.from({ length: ORDERS }, (_, order) => {
      commercetools.addOrder({ orderNumber: `WALK_${order}` });
      return fluent.addOrder({ ref: `WALK_${order}`, status: 'CREATED' }).id;
    });
    for (const [step, status] of WALK.entries()) {
      await Promise.all(ids.map((id) => fluent.move(id, status)));
      await ended(connector, (step + 1) * ORDERS);
    }
    return fluent.requests.count('findEvents') / (ORDERS * WALK.length);
  } finally {
    await connector.stop();
    await Promise.all([fluent.stop(), commercetools.stop()]);
    await redis.flush();
  }
}

async function ended(connector: ConnectorProcess, notifications: number): Promise<void> {
  const giveUpAt = Date.now() + GIVE_UP_MS;
  while ((await connector.metric('notifications_total')) < notifications) {
    if (Date.now() > giveUpAt) throw new Error(`${notifications} notifications did not end in time`);
    await delay(50);
  }
}
