import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { PrivateRedis, provideRedis } from './private-redis.js';
import { provideRedisServer } from './redis-server.js';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

async function startRedis(options?: Parameters<typeof PrivateRedis.start>[0]): Promise<PrivateRedis> {
  const redis = await PrivateRedis.start(options);
  cleanUps.push(() => redis.stop());
  return redis;
}

async function withClient<T>(url: string, use: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url);
  try {
    return await use(client);
  } finally {
    client.disconnect();
  }
}

/** Asks the port and not the process table, where an orphan may stay as a zombie. */
function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

describe('PrivateRedis', { timeout: 30_000 }, () => {
  it('starts persistent and without eviction, and is gone after stop', async () => {
    const redis = await startRedis();
    const config = await withClient(redis.url, (client) => client.config('GET', '*'));
    const settings = Object.fromEntries(
      (config as string[]).flatMap((name, index, all) => (index % 2 === 0 ? [[name, all[index + 1]]] : [])),
    );
    expect(settings).toMatchObject({
      appendonly: 'yes',
      appendfsync: 'always',
      'maxmemory-policy': 'noeviction',
      save: '',
      bind: '127.0.0.1',
    });
    await redis.stop();
    expect(await accepts(redis.port)).toBe(false);
    expect(existsSync(settings.dir ?? '')).toBe(false);
    expect(() => redis.pid).toThrow('not running');
  });

  it('keeps what was written through SIGKILL and restart, on the same port', async () => {
    const redis = await startRedis();
    const { url } = redis;
    await withClient(url, (client) => client.set('key', 'value'));
    await redis.kill();
    await redis.restart();
    expect(redis.url).toBe(url);
    expect(await withClient(url, (client) => client.get('key'))).toBe('value');
  });

  it('forgets after SIGKILL when it keeps no append-only file', async () => {
    const redis = await startRedis({ aof: false });
    await withClient(redis.url, (client) => client.set('key', 'value'));
    await redis.kill();
    await redis.restart();
    expect(await withClient(redis.url, (client) => client.get('key'))).toBeNull();
  });

  it('can be suspended and still be ended', async () => {
    const redis = await startRedis();
    redis.suspend();
    await redis.kill();
    expect(await accepts(redis.port)).toBe(false);
  });

  it('says why a server did not start, and leaves nothing behind', async () => {
    const redis = await startRedis();
    await expect(PrivateRedis.start({ port: redis.port })).rejects.toThrow(/did not start on port \d+/);
    await expect(PrivateRedis.start({ args: ['--no-such-option', '1'] })).rejects.toThrow('no-such-option');
  });

  describe('with a parent process', () => {
    const START = `import { PrivateRedis } from ${JSON.stringify(join(import.meta.dirname, 'private-redis.ts'))};
      const redis = await PrivateRedis.start();`;

    function runScript(script: string): ChildProcessByStdio<null, Readable, null> {
      const args = ['--import', 'tsx', '--input-type=module', '--eval', script];
      const parent = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      cleanUps.push(() => parent.kill('SIGKILL'));
      return parent;
    }

    it.each(['SIGKILL', 'SIGTERM'] as const)('does not outlive it when it ends by %s', async (signal) => {
      const parent = runScript(`${START} console.log(redis.port); setInterval(() => undefined, 1000);`);
      const [port] = (await once(createInterface(parent.stdout), 'line')) as [string];
      expect(await accepts(Number(port))).toBe(true);
      parent.kill(signal);
      await expect.poll(() => accepts(Number(port)), { timeout: 15_000, interval: 20 }).toBe(false);
    });

    it('lets it end when it forgot to stop the server', async () => {
      const parent = runScript(`${START} console.log(redis.port);`);
      const ended = once(parent, 'exit');
      const [port] = (await once(createInterface(parent.stdout), 'line')) as [string];
      expect(await ended).toEqual([0, null]);
      await expect.poll(() => accepts(Number(port)), { timeout: 15_000, interval: 20 }).toBe(false);
    });
  });
});

describe('provideRedis', () => {
  it('uses REDIS_URL when it is set', async () => {
    vi.stubEnv('REDIS_URL', 'redis://redis.example:6379');
    const redis = await provideRedis();
    expect(redis.url).toBe('redis://redis.example:6379');
    await redis.stop();
  });

  it('starts a private server otherwise', async () => {
    vi.stubEnv('REDIS_URL', '');
    const redis = await provideRedis();
    cleanUps.push(() => redis.stop());
    expect(await withClient(redis.url, (client) => client.ping())).toBe('PONG');
  });
});

describe('provideRedisServer', () => {
  function folderWith(programs: Record<string, string>): string {
    const folder = mkdtempSync(join(tmpdir(), 'path-'));
    cleanUps.push(() => rmSync(folder, { recursive: true }));
    for (const [name, script] of Object.entries(programs)) {
      writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
      chmodSync(join(folder, name), 0o755);
    }
    return folder;
  }

  it('prefers redis-server and takes valkey-server otherwise', () => {
    const valkey = folderWith({ 'valkey-server': '' });
    const both = folderWith({ 'valkey-server': '', 'redis-server': '' });
    vi.stubEnv('PATH', valkey);
    expect(provideRedisServer()).toBe(join(valkey, 'valkey-server'));
    vi.stubEnv('PATH', [valkey, both].join(delimiter));
    expect(provideRedisServer()).toBe(join(both, 'redis-server'));
  });

  it('installs a server when there is none and the user may', () => {
    vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const folder = folderWith({});
    const brew = folderWith({
      brew: `[ "$*" = "install redis" ] && : >"${folder}/redis-server" && /bin/chmod +x "${folder}/redis-server"`,
    });
    vi.stubEnv('PATH', [folder, brew].join(delimiter));
    expect(provideRedisServer()).toBe(join(folder, 'redis-server'));
  });

  it('names the three ways out when it cannot', () => {
    vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    vi.stubEnv('PATH', folderWith({ brew: 'echo "no network" >&2; exit 1' }));
    expect(() => provideRedisServer()).toThrow(
      /brew failed: no network[^]*REDIS_URL[^]*install redis-server or valkey-server[^]*PATH/,
    );
    vi.stubEnv('PATH', folderWith({}));
    expect(() => provideRedisServer()).toThrow('no package manager was found');
  });
});
