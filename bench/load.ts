import { setTimeout as delay } from 'node:timers/promises';
import autocannon from 'autocannon';
import { Pool } from 'undici';
import { percentile } from './percentile.js';
import type { SignedWebhook } from './signed-webhooks.js';

const CONNECTIONS = 32;
const TICK_MS = 1;
/** How often autocannon looks whether it is done. Its default, a second, would be the resolution of every rate. */
const SAMPLE_MS = 20;

export interface LoadResult {
  readonly accepted: number;
  readonly perSecond: number;
  readonly failed: number;
}

export interface PacedResult extends LoadResult {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Sends each webhook once over kept connections, each as soon as the one before it is answered. */
export async function load(
  url: string,
  webhooks: readonly SignedWebhook[],
  connections = CONNECTIONS,
): Promise<LoadResult> {
  const each = Math.floor(webhooks.length / connections);
  let next = 0;
  const startedAt = performance.now();
  const result = await autocannon({
    url,
    method: 'POST',
    connections,
    amount: each * connections,
    sampleInt: SAMPLE_MS,
    setupClient: (client) => {
      client.setRequests(webhooks.slice(next * each, (next + 1) * each).map((webhook) => ({ ...webhook })));
      next++;
    },
  });
  return {
    accepted: result['2xx'],
    perSecond: Math.round((result['2xx'] * 1000) / (performance.now() - startedAt)),
    failed: result.non2xx + result.errors,
  };
}

/** Does the same as {@link load} with another client, to check its figures. */
export async function loadBySecondClient(
  url: string,
  webhooks: readonly SignedWebhook[],
): Promise<LoadResult> {
  const { origin, pathname } = new URL(url);
  const pool = new Pool(origin, { connections: CONNECTIONS });
  let next = 0;
  let accepted = 0;
  const sendInTurn = async (): Promise<void> => {
    while (next < webhooks.length) {
      const { body, headers } = webhooks[next++]!;
      const response = await pool.request({ path: pathname, method: 'POST', body, headers });
      await response.body.dump();
      if (response.statusCode === 200) accepted++;
    }
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: CONNECTIONS }, sendInTurn));
  const elapsedMs = performance.now() - startedAt;
  await pool.close();
  return {
    accepted,
    perSecond: Math.round((accepted * 1000) / elapsedMs),
    failed: webhooks.length - accepted,
  };
}

export interface PacedOptions {
  /** How many of the first webhooks have no part in the percentiles: meanwhile, the client opens its connections. */
  readonly unmeasured?: number;
  /** Is given each webhook and when it was due, by `performance.now()`. */
  readonly onDue?: (webhook: SignedWebhook, dueAt: number) => void;
}

/**
 * Sends webhooks at a steady rate, whether earlier ones are answered or not. Latency counts from the
 * moment at which a webhook was due, so a pause of the server shows in all that came due meanwhile.
 */
export async function pacedLoad(
  url: string,
  webhooks: readonly SignedWebhook[],
  perSecond: number,
  { unmeasured = 0, onDue }: PacedOptions = {},
): Promise<PacedResult> {
  const { origin, pathname } = new URL(url);
  const pool = new Pool(origin, { connections: CONNECTIONS });
  const latencies: number[] = [];
  let accepted = 0;
  const send = async (index: number, dueAt: number): Promise<void> => {
    const { body, headers } = webhooks[index]!;
    const response = await pool.request({ path: pathname, method: 'POST', body, headers });
    await response.body.dump();
    if (response.statusCode !== 200) return;
    accepted++;
    if (index >= unmeasured) latencies.push(performance.now() - dueAt);
  };
  const sending: Promise<void>[] = [];
  const startedAt = performance.now();
  while (sending.length < webhooks.length) {
    // The first one is due at once.
    const due = Math.min(
      webhooks.length,
      1 + Math.floor(((performance.now() - startedAt) * perSecond) / 1000),
    );
    while (sending.length < due) {
      const index = sending.length;
      const dueAt = startedAt + (index * 1000) / perSecond;
      onDue?.(webhooks[index]!, dueAt);
      sending.push(send(index, dueAt));
    }
    await delay(TICK_MS);
  }
  await Promise.all(sending);
  const elapsedMs = performance.now() - startedAt;
  await pool.close();
  return {
    accepted,
    perSecond: Math.round((accepted * 1000) / elapsedMs),
    failed: webhooks.length - accepted,
    p50Ms: percentile(latencies, 50),
    p99Ms: percentile(latencies, 99),
  };
}
