import { HealthIndicatorService } from '@nestjs/terminus';
import { describe, expect, it } from 'vitest';
import type { ConnectorConfig } from '../config/index.js';
import {
  BullMessageQueue,
  type AccountPause,
  type MessageQueue,
  type QueueCounts,
  type QueueHealth,
} from '../delivery/index.js';
import type { HookFailures, MappingGaps, OrderStatusHooks, RetailerGaps } from '../order-status/index.js';
import type { RedisConnections } from '../redis/index.js';
import type { FluentSettingsSource } from '../settings/index.js';
import type {
  BreakerState,
  CallMetrics,
  CircuitBreakers,
  LastCall,
  RefusedCall,
} from '../transport/index.js';
import { HealthChecks } from './health-checks.js';

interface Situation {
  queue?: () => Promise<QueueHealth>;
  counts?: () => Promise<QueueCounts>;
  pauses?: () => Promise<ReadonlyMap<string, AccountPause>>;
  circuit?: BreakerState;
  target?: string;
  lastCall?: LastCall;
  refused?: readonly RefusedCall[];
  gaps?: readonly RetailerGaps[];
  failures?: readonly HookFailures[];
  warnings?: readonly string[];
  /** Whether the queue is the default one. */
  isQueueOnRedis?: boolean;
  /** What Redis answers to a ping; undefined without `REDIS_URL`. */
  ping?: () => Promise<string>;
}

function checks({
  queue,
  counts,
  pauses,
  circuit = 'closed',
  target = 'fluent:ACME',
  lastCall,
  refused = [],
  gaps = [],
  failures = [],
  warnings = [],
  isQueueOnRedis = true,
  ping,
}: Situation): HealthChecks {
  return new HealthChecks(
    new HealthIndicatorService(),
    Object.assign(Object.create(isQueueOnRedis ? BullMessageQueue.prototype : null) as MessageQueue, {
      health: queue,
      counts,
      pauses,
    }),
    { states: () => ({ [target]: circuit }) } as unknown as CircuitBreakers,
    { lastCall: () => lastCall, refused: () => refused } as unknown as CallMetrics,
    { size: 3 } as unknown as FluentSettingsSource,
    { get: () => gaps } as unknown as MappingGaps,
    { failed: () => failures } as unknown as OrderStatusHooks,
    { warnings } as ConnectorConfig,
    { isConfigured: ping !== undefined, failFast: { ping } } as unknown as RedisConnections,
  );
}

describe('HealthChecks', () => {
  const at = new Date(0);

  it.each<[string, Situation, string]>([
    ['the connector has not called the upstream yet', {}, 'up'],
    ['the last call succeeded', { lastCall: { outcome: 'ok', at } }, 'up'],
    ['the last call was refused for its content', { lastCall: { outcome: 'permanent', at } }, 'up'],
    [
      'the last call was refused for its credentials',
      { lastCall: { outcome: 'unauthorized', at } },
      'degraded',
    ],
    [
      'the last call was refused for its permissions',
      { lastCall: { outcome: 'configuration', at } },
      'degraded',
    ],
    [
      'one operation is refused while others succeed',
      { lastCall: { outcome: 'ok', at }, refused: [{ operation: 'Search', outcome: 'configuration', at }] },
      'degraded',
    ],
    ['the last call found it down', { lastCall: { outcome: 'outage', at } }, 'degraded'],
    ['its circuit is open', { circuit: 'open' }, 'degraded'],
    ['its circuit is being probed', { circuit: 'half-open' }, 'degraded'],
  ])('judges an upstream without calling it: %s', (_case, situation, status) => {
    expect(checks(situation).upstreams()['fluent:ACME']?.status).toBe(status);
  });

  it.each<[RefusedCall['outcome'], string, string]>([
    ['unauthorized', 'OrderById', 'Fluent account ACME refuses the credentials (OrderById): correct user,'],
    ['configuration', 'token', 'Fluent account ACME refuses the credentials (token): correct user,'],
    ['configuration', 'OrderById', 'Fluent account ACME refuses OrderById: correct the permissions'],
  ])('says what to correct after %s of %s', (outcome, operation, advice) => {
    const { 'fluent:ACME': result } = checks({ refused: [{ operation, outcome, at }] }).upstreams();
    expect(String(result?.['advice']).startsWith(advice)).toBe(true);
  });

  it.each([
    ['fluent-audit-log:ACME', 'the audit log of Fluent account ACME refuses FindStatusChanges:'],
    ['commercetools:demo', 'commercetools project demo refuses FindStatusChanges:'],
  ])('names what %s is in its advice', (target, advice) => {
    const refused: RefusedCall[] = [{ operation: 'FindStatusChanges', outcome: 'configuration', at }];
    expect(checks({ target, refused }).upstreams()[target]?.['advice']).toContain(advice);
  });

  it.each<[string, () => Promise<QueueHealth>, string]>([
    ['answers', () => Promise.resolve({ reachable: true, warnings: [] }), 'up'],
    [
      'does not persist',
      () => Promise.resolve({ reachable: true, warnings: ['set appendonly yes'] }),
      'degraded',
    ],
    ['does not answer', () => Promise.resolve({ reachable: false, warnings: ['at secret-host'] }), 'down'],
    ['breaks its promise and throws', () => Promise.reject(new Error('at secret-host')), 'down'],
  ])('judges a Redis that %s', async (_case, queue, status) => {
    const result = await checks({ queue }).store();
    expect(result['redis']?.status).toBe(status);
    expect(JSON.stringify(result)).not.toContain('secret-host');
  });

  it("calls another queue's store the queue", async () => {
    const away = { reachable: false, warnings: [] };
    const result = await checks({ queue: () => Promise.resolve(away), isQueueOnRedis: false }).store();
    expect(result).toEqual({ queue: { status: 'down', message: 'the queue does not answer' } });
  });

  it.each<[string, Situation, string | undefined]>([
    ['is the store of the queue', { ping: () => Promise.resolve('PONG') }, undefined],
    ['is not configured', { isQueueOnRedis: false }, undefined],
    ['answers', { isQueueOnRedis: false, ping: () => Promise.resolve('PONG') }, 'up'],
    [
      'does not answer',
      { isQueueOnRedis: false, ping: () => Promise.reject(new Error('at secret-host')) },
      'degraded',
    ],
  ])('judges a Redis beside another queue that %s', async (_case, situation, status) => {
    const result = await checks(situation).redisBesideTheQueue();
    expect(result['redis']?.status).toBe(status);
    expect(JSON.stringify(result)).not.toContain('secret-host');
  });

  it('shows what an operator should change in the configuration', () => {
    expect(checks({}).configuration()).toEqual({ configuration: { status: 'up' } });
    const warnings = ['REDIS_URL connects to another host without TLS'];
    expect(checks({ warnings }).configuration()).toEqual({ configuration: { status: 'degraded', warnings } });
  });

  const counts = { waiting: 0, active: 0, delayed: 1, dead: 0 };
  const minutesAgo = (minutes: number): Date => new Date(Date.now() - minutes * 60_000);

  it.each<[string, () => Promise<QueueCounts>, string]>([
    ['none is unfinished', () => Promise.resolve(counts), 'up'],
    ['the oldest is retried', () => Promise.resolve({ ...counts, oldestUnfinishedAt: minutesAgo(14) }), 'up'],
    [
      'the oldest waits for longer than 15 minutes',
      () => Promise.resolve({ ...counts, oldestUnfinishedAt: minutesAgo(16) }),
      'degraded',
    ],
    ['Redis does not answer', () => Promise.reject(new Error('away')), 'up'],
  ])('judges notifications by their age: %s', async (_case, answer, status) => {
    const { notifications } = await checks({ counts: answer }).notifications();
    expect(notifications?.status).toBe(status);
  });

  it('is degraded while an account is paused, and says how to resume it', async () => {
    const pause = { by: 'anna', since: new Date(0), reason: 'wrong mapping' };
    const pauses = (paused: readonly string[]) => async () => new Map(paused.map((id) => [id, pause]));
    expect((await checks({ pauses: pauses([]) }).accounts())['accounts']?.status).toBe('up');
    expect((await checks({ pauses: pauses(['ACME']) }).accounts())['accounts']).toEqual({
      status: 'degraded',
      paused: [{ account: 'ACME', since: new Date(0) }],
      advice: expect.stringContaining('/resume'),
    });
    const away = (): Promise<never> => Promise.reject(new Error('away'));
    expect((await checks({ pauses: away }).accounts())['accounts']?.status).toBe('up');
  });

  const gaps = { accountId: 'ACME', retailerId: '1', lacking: { paymentState: ['PICK_PACK'] } };

  it.each<[string, readonly RetailerGaps[], string]>([
    ['each mapping has every status', [], 'up'],
    ['the status history makes up for a mapping that lacks one', [gaps], 'up'],
    ['it does not', [{ ...gaps, unavailability: 'STATUS_HISTORY=off' }], 'degraded'],
  ])('judges the mappings when %s', (_case, incomplete, status) => {
    const { mappings } = checks({ gaps: incomplete }).mappings();
    expect(mappings?.status).toBe(status);
    expect(mappings?.['incomplete'] ?? []).toEqual(incomplete);
  });

  it.each([
    ['degraded', 10],
    ['up', 4000],
  ])('names a failed hook, and is %s %i seconds after the failure', (status, seconds) => {
    const lastAt = new Date(Date.now() - seconds * 1000);
    const failure: HookFailures = { hook: 'Odd', required: false, count: 2, lastCause: 'fields', lastAt };
    const { hooks } = checks({ failures: [failure] }).orderStatusHooks();
    expect(hooks).toMatchObject({ status, failures: [failure] });
  });
});
