import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { Injectable } from '@nestjs/common';
import { describe, expect, onTestFinished, vi } from 'vitest';
import {
  BullMessageQueue,
  ConnectorModule,
  MemoryMessageQueue,
  MessageQueue,
  bootstrapConnector,
  type ConnectorModuleOptions,
} from '../src/index.js';
import { StartSummary } from '../src/start-summary.js';
import { COMPLETE_ENVIRONMENT } from './support/complete-environment.js';
import { runBinary } from './support/command-line.js';
import { createIt } from './support/harness.js';

const it = createIt();

const IN_MEMORY = {
  redisUrl: false,
  overrides: [{ provide: MessageQueue, useClass: MemoryMessageQueue }],
} as const;

/** The ports to which this process connects from now on. */
function portsConnectedTo(): Set<number> {
  const ports = new Set<number>();
  const onSocket = (message: unknown): void => {
    const { socket } = message as { socket: Socket };
    socket.on('connectionAttempt', (_address: string, port: number) => ports.add(port));
  };
  subscribe('net.client.socket', onSocket);
  onTestFinished(() => void unsubscribe('net.client.socket', onSocket));
  return ports;
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}

/** @returns why an application without `REDIS_URL` does not start. */
async function startProblem(options: ConnectorModuleOptions, more: Record<string, string> = {}) {
  const { REDIS_URL: _, ...env } = COMPLETE_ENVIRONMENT;
  const connector = ConnectorModule.register({ ...options, env: { ...env, ...more } });
  return bootstrapConnector(connector, { embedded: true }).then(
    async (app) => {
      await app.close();
      return 'it started';
    },
    (error: unknown) => (error as Error).message,
  );
}

describe('a connector with a queue that needs no Redis', () => {
  it('brings an order into agreement, and never connects to Redis', async ({ startTestConnector }) => {
    const ports = portsConnectedTo();
    const connector = await startTestConnector(IN_MEMORY);
    const { fluent, commercetools } = connector.addOrder({ ref: 'O_1' });
    await connector.fluent.move(fluent.id, 'BOOKED');
    await connector.settled();
    expect(commercetools.orderState).toBe('Confirmed');
    await connector.stop();
    const systems = [connector.fluent.url, connector.commercetools.url, connector.url];
    expect([...ports].toSorted()).toEqual(systems.map(portOf).toSorted());
  });

  it('connects to Redis when the override delegates to the default', async ({
    startTestConnector,
    redisServer,
  }) => {
    const ports = portsConnectedTo();
    const override = { provide: MessageQueue, inject: [BullMessageQueue] };
    await startTestConnector({
      overrides: [{ ...override, useFactory: (queue: BullMessageQueue) => queue }],
    });
    expect(ports).toContain(portOf(redisServer.url));
  });

  it('says in its health and at its start what is kept in memory', async ({ startTestConnector }) => {
    const connector = await startTestConnector(IN_MEMORY);
    const { details } = (await (await fetch(`${connector.url}/health`)).json()) as {
      details: Record<string, { status: string; warnings?: string[] }>;
    };
    expect(details).not.toHaveProperty('redis');
    expect(details['queue']).toEqual({
      status: 'degraded',
      warnings: ['notifications are kept in memory: a restart loses them; use Redis in production'],
    });
    expect(connector.app.get(StartSummary, { strict: false }).describe()).toMatchObject({
      overrides: { MessageQueue: 'MemoryMessageQueue' },
      keptInMemory: expect.arrayContaining(['the position of reconciliation']) as unknown,
    });
  });

  it('shares Redis with other replicas when REDIS_URL is set', async ({
    startTestConnector,
    redisServer,
  }) => {
    const ports = portsConnectedTo();
    const connector = await startTestConnector({ ...IN_MEMORY, redisUrl: redisServer.url });
    expect(ports).toContain(portOf(redisServer.url));
    // The start does not wait for a Redis that only has what replicas share.
    await vi.waitFor(async () => {
      const { details } = (await (await fetch(`${connector.url}/health`)).json()) as { details: object };
      expect(details).toMatchObject({ redis: { status: 'up' }, queue: { status: 'degraded' } });
    }, 20_000);
    expect(connector.app.get(StartSummary, { strict: false }).describe()).not.toHaveProperty('keptInMemory');
  });

  it('finds orders whose webhook was lost, each once', async ({ startTestConnector }) => {
    const connector = await startTestConnector({ ...IN_MEMORY, env: { RECONCILE_INTERVAL: '1' } });
    const { fluent, commercetools } = connector.addOrder({ ref: 'O_1' });
    connector.fluent.setStatus(fluent.id, 'BOOKED');
    await vi.waitFor(() => expect(commercetools.orderState).toBe('Confirmed'), 30_000);
    const seen = connector.fluent.requests.count('orders');
    await vi.waitFor(
      () => expect(connector.fluent.requests.count('orders')).toBeGreaterThan(seen + 1),
      30_000,
    );
    expect(connector.runs).toHaveLength(1);
  });

  it('refuses two Fluent orders that lead to one commercetools order', async ({ startTestConnector }) => {
    const connector = await startTestConnector({
      ...IN_MEMORY,
      env: { ORDER_REF_PREFIX: 'A-', RETRY_MAX_AGE: '0' },
    });
    const first = connector.fluent.addOrder({ ref: 'A-O_1' });
    const second = connector.fluent.addOrder({ ref: 'O_1' });
    connector.commercetools.addOrder({ orderNumber: 'O_1' });
    await connector.fluent.move(first.id, 'BOOKED');
    await connector.settled();
    await connector.fluent.move(second.id, 'COMPLETE');
    await connector.settled();
    expect(connector.runs.at(-1)?.error?.message).toContain('lead to the same commercetools order');
  });
});

describe('the command line of an application without Redis', () => {
  const { REDIS_URL: _, ...environment } = COMPLETE_ENVIRONMENT;
  const run = (...args: string[]) =>
    runBinary([...args, '--module', 'test/support/memory-app.mjs'], environment);

  it('reads dead letters from the queue', async () => {
    expect(await run('dead-letters', 'list')).toMatchObject({
      code: 0,
      out: expect.stringContaining('0 of 0'),
    });
  });

  it('checks what the application needs, and leaves Redis out', async () => {
    const { code, out } = await run('doctor', '--only', 'redis,queue');
    expect(code).toBe(0);
    expect(out).toContain('skip Redis: REDIS_URL is not set');
    expect(out).toContain('pass queue: 0 unfinished');
  });

  it.for([['overview'], ['reconcile', '--from', '2026-01-01T00:00:00Z', '--reason', 'data was lost']])(
    'says that %s needs REDIS_URL',
    async (args) => {
      const { code, error } = await run(...args);
      expect(code).not.toBe(0);
      expect(error).toContain('are kept in Redis: set REDIS_URL to use them');
    },
  );
});

@Injectable()
class AnsweringQueue extends MemoryMessageQueue {
  constructor(readonly behind: BullMessageQueue) {
    super();
  }
}

describe('REDIS_URL', () => {
  it.for<[string, ConnectorModuleOptions, string]>([
    ['the default queue', {}, 'REDIS_URL is required: a redis://'],
    [
      'an override that injects the default queue',
      { overrides: [{ provide: MessageQueue, useClass: AnsweringQueue }] },
      'REDIS_URL is required: a redis://',
    ],
  ])('is required by %s', async ([, options, problem]) => {
    expect(await startProblem(options)).toContain(problem);
  });

  it('is required by the admin API, whatever the queue is', async () => {
    const { overrides } = IN_MEMORY;
    expect(await startProblem({ overrides }, { ADMIN_TOKEN: 'a'.repeat(16) })).toContain(
      'REDIS_URL is required for the admin API',
    );
  });
});

it.for(['ingress', 'worker'])(
  'refuses to start a queue in memory in the role %s',
  async (role, { startTestConnector }) => {
    const started = startTestConnector({ ...IN_MEMORY, env: { CONNECTOR_ROLE: role } });
    await expect(started).rejects.toThrow(
      `CONNECTOR_ROLE=${role} needs a queue that several processes share, but MemoryMessageQueue keeps`,
    );
  },
);
