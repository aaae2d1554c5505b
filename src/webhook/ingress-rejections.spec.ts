import type { PinoLogger } from 'nestjs-pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ConnectorConfig } from '../config/index.js';
import { ConnectorMetrics } from '../metrics/index.js';
import { IngressRejections } from './ingress-rejections.js';
import { webhookIngress } from './webhook-ingress.js';

describe('IngressRejections', () => {
  const warn = vi.fn<(line: Record<string, unknown>, message: string) => void>();
  const config = {
    accounts: [{ id: 'ACME' }],
    server: { webhookPath: '/webhook' },
    account: (id: string) => (id === 'ACME' ? {} : undefined),
  } as unknown as ConnectorConfig;
  let metrics: ConnectorMetrics;
  let rejections: IngressRejections;

  beforeEach(() => {
    vi.useFakeTimers();
    warn.mockReset();
    metrics = new ConnectorMetrics();
    const logger = { setContext: () => undefined, warn } as unknown as PinoLogger;
    rejections = new IngressRejections(logger);
    rejections.watch(webhookIngress(config, metrics));
  });
  afterEach(() => {
    rejections.onModuleDestroy();
    vi.useRealTimers();
  });

  async function counted(): Promise<Record<string, number>> {
    const { values } = await metrics.webhooks.get();
    return Object.fromEntries(
      values.map(({ labels, value }) => [`${labels.account} ${labels.outcome}`, value]),
    );
  }

  it('says why, for which account and notification, and counts unknown accounts together', async () => {
    rejections.record('/webhook', 'unauthorized', 'no signature header', {
      accountId: 'ACME',
      id: 'n-1',
      name: 'secret',
    });
    rejections.record('/webhook', 'unauthorized', 'x', { accountId: 'anything' });
    rejections.record('/webhook', 'invalid', 'x', undefined);
    expect(warn.mock.calls[0]).toEqual([
      { outcome: 'unauthorized', reason: 'no signature header', accountId: 'ACME', notificationId: 'n-1' },
      'webhook unauthorized: no signature header',
    ]);
    expect(await counted()).toMatchObject({
      'ACME unauthorized': 1,
      'other unauthorized': 1,
      'other invalid': 1,
    });
  });

  it('has every series from the start, so that its first increase is seen', async () => {
    expect(await counted()).toMatchObject({ 'ACME unauthorized': 0, 'ACME accepted': 0, 'other invalid': 0 });
  });

  it('is silent about routes through which no work comes in', async () => {
    rejections.record('/metrics', 'invalid', 'x', {});
    rejections.record(undefined, 'invalid', 'x', {});
    expect(warn).not.toHaveBeenCalled();
    expect(Object.values(await counted())).not.toContain(1);
  });

  it('logs no value of any length or type', () => {
    rejections.record('/webhook', 'invalid', 'x', { accountId: { deep: true }, id: 'y'.repeat(10_000) });
    expect(warn.mock.calls[0]?.[0]).toMatchObject({ accountId: undefined, notificationId: 'y'.repeat(64) });
  });

  it('counts every rejection of a flood, but logs 20 lines a second and how many it left out', async () => {
    for (let i = 0; i < 1000; i++) rejections.record('/webhook', 'unauthorized', 'flood', {});
    expect(warn).toHaveBeenCalledTimes(20);
    expect(await counted()).toMatchObject({ 'other unauthorized': 1000 });

    vi.advanceTimersByTime(1000);
    expect(warn).toHaveBeenCalledTimes(21);
    expect(warn.mock.calls.at(-1)?.[0]).toEqual({ suppressed: 980 });

    rejections.record('/webhook', 'unauthorized', 'next second', {});
    expect(warn).toHaveBeenCalledTimes(22);
  });
});
