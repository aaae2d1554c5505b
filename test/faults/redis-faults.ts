import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { freePort } from '../../src/testing/free-port.js';
import type { PrivateRedis } from '../../src/testing/private-redis.js';

/** Keys of nobody, so that a restart takes a while to load them. */
const FILLER = 3000;
/** Microseconds for each command that a restart loads. */
export const LOAD_DELAY = ['--key-load-delay', '300'] as const;

/** The server that a fault is done to, and where its data is. */
export interface FaultyRedis {
  readonly server: PrivateRedis;
  readonly dir: string;
}

/** One row of the table: a fault, and what is promised while it lasts. */
export interface RedisFault {
  readonly name: string;
  /** What was accepted can be gone: reconciliation brings the orders into agreement. */
  readonly losesData?: true;
  /**
   * What shows the fault to an operator while it lasts. `ready`: `/health` answers 503, and the replica is not ready.
   * `webhooks`: the metric counts webhooks that the connector answered with 503. `none`: the connector refuses nothing.
   */
  readonly signal: 'ready' | 'webhooks' | 'none';
  begin(redis: FaultyRedis): Promise<void>;
  end(redis: FaultyRedis): Promise<void>;
}

/** Every fault of Redis that is tested, each with every condition of the workers. */
export const REDIS_FAULTS: readonly RedisFault[] = [
  {
    name: 'SIGKILL, and a restart with its data',
    signal: 'ready',
    begin: ({ server }) => server.kill(),
    end: ({ server }) => server.restart(),
  },
  {
    name: 'SIGSTOP and SIGCONT',
    signal: 'ready',
    begin: async ({ server }) => server.suspend(),
    end: async ({ server }) => server.resume(),
  },
  {
    name: 'memory is full (maxmemory)',
    signal: 'webhooks',
    begin: ({ server }) => admin(server, (client) => client.config('SET', 'maxmemory', '1')),
    end: ({ server }) => admin(server, (client) => client.config('SET', 'maxmemory', '0')),
  },
  {
    name: 'SCRIPT FLUSH, again and again',
    signal: 'none',
    begin: ({ server }) =>
      admin(server, async (client) => {
        for (let times = 0; times < 20; times++) {
          await client.script('FLUSH');
          await delay(25);
        }
      }),
    end: async () => undefined,
  },
  {
    name: 'READONLY: the server becomes a replica',
    signal: 'webhooks',
    begin: async ({ server }) => {
      const nobody = await freePort();
      await admin(server, (client) => client.call('REPLICAOF', '127.0.0.1', String(nobody)));
    },
    end: ({ server }) => admin(server, (client) => client.call('REPLICAOF', 'NO', 'ONE')),
  },
  {
    name: 'LOADING: a restart that takes long',
    signal: 'ready',
    begin: async ({ server }) => {
      await admin(server, async (client) => {
        const pipeline = client.pipeline();
        for (let index = 0; index < FILLER; index++) pipeline.set(`filler:${index}`, '');
        await pipeline.exec();
      });
      await server.kill();
    },
    end: async ({ server }) => {
      await server.restart();
      await admin(server, async (client) => {
        await client.unlink(Array.from({ length: FILLER }, (_, index) => `filler:${index}`));
        await client.call('BGREWRITEAOF');
      });
    },
  },
  {
    name: 'NOAUTH: a password is set',
    signal: 'ready',
    begin: ({ server }) =>
      admin(server, async (client) => {
        await client.config('SET', 'requirepass', PASSWORD);
        await client.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      }),
    end: ({ server }) => admin(server, (client) => client.config('SET', 'requirepass', ''), PASSWORD),
  },
  {
    name: 'every connection is cut (CLIENT KILL)',
    signal: 'none',
    begin: ({ server }) =>
      admin(server, (client) => client.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes')),
    end: async () => undefined,
  },
  {
    name: 'SIGKILL, and a restart without data',
    losesData: true,
    signal: 'ready',
    begin: async ({ server, dir }) => {
      await server.kill();
      rmSync(join(dir, 'appendonlydir'), { recursive: true });
    },
    end: ({ server }) => server.restart(),
  },
  {
    name: 'FLUSHALL',
    losesData: true,
    signal: 'none',
    begin: ({ server }) => server.flush(),
    end: async () => undefined,
  },
];

const PASSWORD = 'set-in-mid-life';

async function admin(
  server: PrivateRedis,
  work: (client: Redis) => Promise<unknown>,
  password?: string,
): Promise<void> {
  const client = new Redis(server.url, { ...(password !== undefined && { password }) });
  try {
    await work(client);
  } finally {
    client.disconnect();
  }
}

/** How the second replica fares meanwhile; the first one accepts and works throughout. */
export interface WorkerCondition {
  readonly name: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Once in each case, while Redis fails. */
  readonly happens?: 'killed' | 'stopped';
}

const OFF_BY_AN_HOUR_MS = 3_600_000;

/** Every condition of the workers that is tested. */
export const WORKER_CONDITIONS: readonly WorkerCondition[] = [
  { name: 'both workers are healthy' },
  { name: 'one worker is killed (SIGKILL) and replaced', happens: 'killed' },
  { name: 'one worker pauses for longer than its lock, then continues', happens: 'stopped' },
  { name: "one worker's clock is an hour ahead", environment: clock(OFF_BY_AN_HOUR_MS) },
  { name: "one worker's clock is an hour behind", environment: clock(-OFF_BY_AN_HOUR_MS) },
];

function clock(offsetMs: number): Record<string, string> {
  return {
    NODE_OPTIONS: `--import=${join(process.cwd(), 'test/support/shifted-clock.mjs')}`,
    CLOCK_OFFSET_MS: String(offsetMs),
  };
}
