import type { WebhookKeys } from '../src/testing/index.js';
import type { Child } from './child.js';
import { ConnectorProcess } from '../test/support/connector-process.js';
import { pacedLoad } from './load.js';
import { median } from './median.js';
import { signedWebhooks } from './signed-webhooks.js';

const NOTIFICATIONS = 100_000;
const ORDERS = 5000;
const PER_SECOND = 500;
const STATUSES = ['BOOKED', 'PICK_PACK', 'AWAITING_COURIER_COLLECTION', 'COMPLETE'];

/** Resident memory of one process that accepts and works at a steady load, slice by slice. */
export async function benchMemory(
  keys: WebhookKeys,
  emulators: Child,
  environment: Record<string, string>,
  from: number,
): Promise<string[]> {
  await emulators.ask({ kind: 'add', from, count: ORDERS, status: 'RECEIVED' });
  const connector = await ConnectorProcess.start({ ...environment, QUEUE_CONCURRENCY: '64' });
  const samples: number[] = [];
  try {
    for (let slice = 0; slice < NOTIFICATIONS / ORDERS; slice++) {
      const entityStatus = STATUSES[slice % STATUSES.length]!;
      await emulators.ask({ kind: 'move', from, count: ORDERS, status: entityStatus });
      const webhooks = signedWebhooks(keys, ORDERS, { from, orders: ORDERS, entityStatus });
      const { failed } = await pacedLoad(connector.webhookUrl, webhooks, PER_SECOND);
      if (failed > 0) throw new Error(`${failed} webhooks failed`);
      samples.push(connector.residentMb);
    }
  } finally {
    await connector.stop();
  }
  const quarter = Math.floor(samples.length / 4);
  return [
    `| memory over ${NOTIFICATIONS} notifications at ${PER_SECOND}/s | max ${Math.max(...samples)} MB (below 200) | second quarter ${median(samples.slice(quarter, 2 * quarter))} MB, last quarter ${median(samples.slice(-quarter))} MB |`,
  ];
}
