import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Command, Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { literalConfig } from '../../test/support/literal-config.js';
import { type ConnectorConfig, parseRedisUrl } from '../config/index.js';
import { PrivateRedis } from '../testing/private-redis.js';
import { FAIL_FAST_TIMEOUT_MS, RedisConnections } from './redis-connections.js';

let redis: PrivateRedis;
beforeAll(async () => {
  redis = await PrivateRedis.start({ aof: false });
});
afterAll(() => redis.stop());

function connect(): RedisConnections {
  const queue = {} as ConnectorConfig['queue'];
  return new RedisConnections(literalConfig({ queue: { ...queue, redis: parseRedisUrl(redis.url)! } }));
}

describe('a connection', () => {
  it('sends what is asked in the same turn of the event loop in one write', async () => {
    const connections = connect();
    const client = connections.failFast;
    assert(client instanceof Redis);
    await connections.opened();
    const write = vi.spyOn(client.stream, '_write');
    const writeTogether = vi.spyOn(client.stream as Required<Socket>, '_writev');
    const counters = Array.from({ length: 50 }, async () => client.incr('counter'));
    expect(await Promise.all(counters)).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
    expect([write.mock.calls.length, writeTogether.mock.calls.length]).toEqual([0, 1]);
    connections.onApplicationShutdown();
  });

  it('lets go of what a command has sent when the command ends, also when Redis refuses it', async () => {
    const connections = connect();
    await connections.opened();
    const set = new Command('set', ['text', 'a webhook'], { replyEncoding: 'utf8' });
    const push = new Command('lpush', ['text', 'another webhook'], { replyEncoding: 'utf8' });
    const answers = [set, push].map((command) => connections.failFast.sendCommand(command));
    expect([set.args, push.args]).toEqual([
      ['text', 'a webhook'],
      ['text', 'another webhook'],
    ]);
    expect(await Promise.allSettled(answers)).toMatchObject([
      { value: 'OK' },
      { reason: { message: expect.stringContaining('WRONGTYPE') as string } },
    ]);
    expect([set.args, push.args]).toEqual([[], []]);
    connections.onApplicationShutdown();
  });
});

describe('a wait for the connection', () => {
  it('goes on when the first attempt fails', async () => {
    const connections = connect();
    const client = connections.failFast;
    client.emit('error', new Error('connect ETIMEDOUT'));
    const opened = connections.opened();
    client.emit('error', new Error('connect ETIMEDOUT'));
    await opened;
    expect(client.status).toBe('ready');
    connections.onApplicationShutdown();
  });

  it('ends with the reason when Redis cannot be reached, or when it is stopped', async () => {
    const queue = {} as ConnectorConfig['queue'];
    const nowhere = { ...queue, redis: parseRedisUrl('redis://127.0.0.1:1')! };
    const connections = new RedisConnections(literalConfig({ queue: nowhere }));
    await expect(connections.opened()).rejects.toThrow('ECONNREFUSED');
    const stop = new AbortController();
    const stopped = connections.opened(stop.signal);
    stop.abort();
    await expect(stopped).rejects.toThrow('ECONNREFUSED');
    connections.onApplicationShutdown();
  });
});

describe('a connection that ended while a command had no answer', () => {
  it('does not end the connection that follows it', async () => {
    const connections = connect();
    const client = connections.failFast;
    assert(client instanceof Redis);
    await once(client, 'ready');
    let closed = 0;
    client.on('close', () => closed++);
    redis.suspend();
    const unanswered = client.ping().catch(() => undefined);
    client.stream.destroy();
    redis.resume();
    await once(client, 'ready');
    await unanswered;
    // The time-out of the first connection would be over.
    await delay(FAIL_FAST_TIMEOUT_MS + 500);
    expect(closed).toBe(1);
    connections.onApplicationShutdown();
  });
});
