import { setTimeout as delay } from 'node:timers/promises';
import { signWebhook, type PrivateRedis, type WebhookKeys } from '../src/testing/index.js';
import { ATTACKS } from '../test/support/attacks.js';
import { ConnectorProcess } from '../test/support/connector-process.js';
import { Child } from './child.js';
import { pacedLoad } from './load.js';
import type { Row } from './report.js';
import { signedWebhooks } from './signed-webhooks.js';

const RATE_PER_SECOND = 50;
const SECONDS = 6;
/** Before the measurement, so that the attack is at full strength. */
const LEAD_MS = 1500;
const TOPIC = { orders: 1000, entityStatus: 'BOOKED' };

/** Genuine webhooks beside each attack of a sender without the key. */
export async function benchAttacks(
  redis: PrivateRedis,
  keys: WebhookKeys,
  environment: Record<string, string>,
): Promise<Row[]> {
  const { child: attacker } = await Child.start('attacker.child.ts');
  const connector = await ConnectorProcess.start({ ...environment, CONNECTOR_ROLE: 'ingress' });
  try {
    const { port, pathname: webhookPath } = new URL(connector.webhookUrl);
    const signature = signWebhook('another body', keys.privateKey)['fluent-signature'];
    const target = { port: Number(port), webhookPath, signature };
    await pacedLoad(connector.webhookUrl, signedWebhooks(keys, 2000, TOPIC), 1000);
    const rows: Row[] = [];
    for (const attack of [null, ...Object.keys(ATTACKS)]) {
      await redis.flush();
      await attacker.ask({ attack, target });
      await delay(LEAD_MS);
      const cpuBefore = connector.cpuSeconds;
      const webhooks = signedWebhooks(keys, RATE_PER_SECOND * SECONDS, TOPIC);
      const { p50Ms, p99Ms, failed } = await pacedLoad(connector.webhookUrl, webhooks, RATE_PER_SECOND);
      const cpu = (connector.cpuSeconds - cpuBefore) / SECONDS;
      if (failed > 0) throw new Error(`${failed} genuine webhooks failed beside ${attack}`);
      rows.push({
        what: `genuine webhooks beside ${attack ?? 'nothing'}`,
        perSecond: RATE_PER_SECOND,
        latency: { p50Ms, p99Ms },
        note: `${Math.round(cpu * 100)} % of a core (p99 below 250 ms)`,
      });
    }
    return rows;
  } finally {
    await attacker.stop();
    await connector.stop();
    await redis.flush();
  }
}
