import { type PrivateRedis, type WebhookKeys } from '../src/testing/index.js';
import { Child } from './child.js';
import { ConnectorProcess } from '../test/support/connector-process.js';
import { load, pacedLoad, type PacedResult } from './load.js';
import { median } from './median.js';
import { signedWebhooks } from './signed-webhooks.js';

const ROUNDS = 3;
const WEBHOOKS = 12_000;
const TOPIC = { orders: 1000, entityStatus: 'BOOKED' };

/** Ingest in one process beside a bare server that does the same without a framework, in turns. */
export async function benchIngest(
  redis: PrivateRedis,
  keys: WebhookKeys,
  environment: Record<string, string>,
): Promise<string[]> {
  const connector = await ConnectorProcess.start({ ...environment, CONNECTOR_ROLE: 'ingress' });
  const { child: bare, ready } = await Child.start<{ url: string }>('bare-ingest.child.ts', {
    PUBLIC_KEY: keys.publicKey,
    REDIS_URL: redis.url,
  });
  const runs: { bare: number; connector: number }[] = [];
  try {
    // Unmeasured: both compile their hot paths.
    await load(ready.url, signedWebhooks(keys, 4000, TOPIC));
    await load(connector.webhookUrl, signedWebhooks(keys, 4000, TOPIC));
    for (let round = 0; round < ROUNDS; round++) {
      await redis.flush();
      const bareRun = await load(ready.url, signedWebhooks(keys, WEBHOOKS, TOPIC));
      await redis.flush();
      const ourRun = await load(connector.webhookUrl, signedWebhooks(keys, WEBHOOKS, TOPIC));
      if (bareRun.failed + ourRun.failed > 0)
        throw new Error(`${bareRun.failed} + ${ourRun.failed} webhooks failed`);
      runs.push({ bare: bareRun.perSecond, connector: ourRun.perSecond });
    }
    const peak = median(runs.map((run) => run.connector));
    const halfLoad = async (url: string): Promise<PacedResult> => {
      await redis.flush();
      return pacedLoad(url, signedWebhooks(keys, WEBHOOKS, TOPIC), Math.round(peak / 2));
    };
    const bareHalf = await halfLoad(ready.url);
    const half = await halfLoad(connector.webhookUrl);
    const latency = ({ p50Ms, p99Ms }: PacedResult): string =>
      `p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`;
    return [
      `| ingest, bare node:http and Bull | ${median(runs.map((run) => run.bare))}/s | |`,
      `| ingest, connector | ${peak}/s | ${median(runs.map((run) => run.connector / run.bare)).toFixed(2)} × (at least 0.75) |`,
      `| ingest at half the peak, ${half.perSecond}/s | ${latency(half)} (p99 below 25) | bare: ${latency(bareHalf)} |`,
      `| ingress memory after ${4000 + (ROUNDS + 1) * WEBHOOKS} webhooks | ${connector.residentMb} MB | |`,
    ];
  } finally {
    await bare.stop();
    await connector.stop();
    await redis.flush();
  }
}
