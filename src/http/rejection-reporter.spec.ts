import type { PinoLogger } from 'nestjs-pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { WebhookOutcome } from '../metrics/index.js';
import { IngressRoutes } from './ingress-routes.js';
import { LimitedLog } from './limited-log.js';
import { RejectionReporter } from './rejection-reporter.js';

describe('RejectionReporter', () => {
  const warn = vi.fn<(line: Record<string, unknown>, message: string) => void>();
  let counts: Record<string, number>;
  let log: LimitedLog;
  let rejections: RejectionReporter;

  beforeEach(() => {
    vi.useFakeTimers();
    warn.mockReset();
    counts = {};
    log = new LimitedLog({ setContext: () => undefined, warn } as unknown as PinoLogger);
    const routes = new IngressRoutes();
    rejections = new RejectionReporter(routes, log);
    routes.register({
      path: '/webhook',
      kind: 'webhook',
      owners: ['ACME', 'other'],
      body: 'bytes',
      admit: () => undefined,
      ownerOf: (body) => (body === 'from ACME' ? 'ACME' : 'other'),
      count: (owner: string, outcome: WebhookOutcome, by: number) => {
        counts[`${owner} ${outcome}`] = (counts[`${owner} ${outcome}`] ?? 0) + by;
      },
      identify: (body) => ({ id: body }),
    });
  });
  afterEach(() => {
    log.onModuleDestroy();
    vi.useRealTimers();
  });

  it('logs the reason and the identity of a rejected request, and counts it for its owner', () => {
    rejections.report('/webhook', 401, 'no signature header', 'from ACME');
    expect(warn.mock.calls).toEqual([
      [
        { outcome: 'unauthorized', reason: 'no signature header', id: 'from ACME' },
        'webhook unauthorized: no signature header',
      ],
    ]);
    expect(counts).toMatchObject({ 'ACME unauthorized': 1, 'other unauthorized': 0 });
  });

  it.each([
    [400, 'invalid'],
    [401, 'unauthorized'],
    [413, 'invalid'],
    [503, 'unavailable'],
  ])('counts status %i as %s', (status, outcome) => {
    rejections.report('/webhook', status, 'x');
    expect(counts[`other ${outcome}`]).toBe(1);
  });

  it('starts every time series at 0, so that its first increase is visible', () => {
    expect(counts).toMatchObject({ 'ACME unauthorized': 0, 'ACME accepted': 0, 'other invalid': 0 });
  });

  it('ignores routes that are not registered', () => {
    rejections.report('/metrics', 400, 'x', {});
    rejections.report(undefined, 400, 'x', {});
    expect(warn).not.toHaveBeenCalled();
    expect(Object.values(counts)).not.toContain(1);
  });

  it('shortens long values and drops values that are not strings', () => {
    rejections.report('/webhook', 400, 'r'.repeat(10_000), { deep: true });
    rejections.report('/webhook', 400, 'x', 'y'.repeat(10_000));
    expect(warn.mock.calls.map(([line]) => line['id'])).toEqual([undefined, 'y'.repeat(64)]);
    expect(JSON.stringify(warn.mock.calls[0]).length).toBeLessThan(1200);
  });

  it('counts every rejection of a flood, logs 20 lines per second, and logs how many it suppressed', () => {
    for (let i = 0; i < 1000; i++) rejections.report('/webhook', 401, 'flood', {});
    expect(warn).toHaveBeenCalledTimes(20);
    expect(counts).toMatchObject({ 'other unauthorized': 1000 });

    vi.advanceTimersByTime(1000);
    expect(warn).toHaveBeenCalledTimes(21);
    expect(warn.mock.calls.at(-1)?.[0]).toEqual({ suppressed: 980 });

    rejections.report('/webhook', 401, 'next second', {});
    expect(warn).toHaveBeenCalledTimes(22);
  });
});
