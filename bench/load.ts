import autocannon from 'autocannon';
import type { SignedWebhook } from './signed-webhooks.js';

export interface LoadResult {
  readonly accepted: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly failed: number;
}

/** Sends each webhook once, over `connections` kept connections, as fast as they are answered or at a rate. */
export async function load(
  url: string,
  webhooks: readonly SignedWebhook[],
  { connections = 32, rate }: { connections?: number; rate?: number } = {},
): Promise<LoadResult> {
  const each = Math.floor(webhooks.length / connections);
  let next = 0;
  const startedAt = performance.now();
  const result = await autocannon({
    url,
    method: 'POST',
    connections,
    amount: each * connections,
    overallRate: rate,
    setupClient: (client) => {
      client.setRequests(webhooks.slice(next * each, (next + 1) * each).map((webhook) => ({ ...webhook })));
      next++;
    },
  });
  const seconds = (performance.now() - startedAt) / 1000;
  return {
    accepted: result['2xx'],
    perSecond: Math.round(result['2xx'] / seconds),
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    failed: result.non2xx + result.errors,
  };
}
