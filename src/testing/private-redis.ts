import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';

const SERVERS = ['redis-server', 'valkey-server'] as const;
const START_TIMEOUT_MS = 15_000;

/** Each way to install a Redis server: the package manager, and the commands that do it. */
const INSTALLERS: readonly {
  manager: string;
  needsRoot: boolean;
  commands: readonly (readonly string[])[];
}[] = [
  {
    manager: 'apt-get',
    needsRoot: true,
    commands: [
      ['apt-get', 'update'],
      ['apt-get', 'install', '-y', '--no-install-recommends', 'redis-server'],
    ],
  },
  { manager: 'apk', needsRoot: true, commands: [['apk', 'add', '--no-cache', 'redis']] },
  { manager: 'brew', needsRoot: false, commands: [['brew', 'install', 'redis']] },
];

/**
 * Ends the server when its own standard input closes, which the system does when the parent is gone, also
 * after SIGKILL. `$!` is not known to node, so a shell does it.
 */
const WATCHDOG =
  '"$@" </dev/null & pid=$!; trap "kill $pid 2>/dev/null" TERM; (cat >/dev/null; kill $pid 2>/dev/null) <&3 & wait $pid';

export interface PrivateRedisOptions {
  /** Append-only file, every write synced. Default true. */
  aof?: boolean;
  /** Default: a new temporary folder, removed by {@link PrivateRedis.stop}. */
  dir?: string;
  /** Default: a free one. */
  port?: number;
  /** More arguments of the server. */
  args?: readonly string[];
}

/** A Redis server of one's own on 127.0.0.1, for tests and demos. It never outlives this process. */
export class PrivateRedis {
  private child?: ChildProcess;
  private serverPid?: number;

  private constructor(
    private readonly program: string,
    private readonly dir: string,
    private readonly ownsDir: boolean,
    readonly port: number,
    private readonly options: PrivateRedisOptions,
  ) {}

  /** @throws Error with the ways out when there is no server and none can be installed. */
  static async start(options: PrivateRedisOptions = {}): Promise<PrivateRedis> {
    const program = findRedisServer();
    const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'fluent-connector-redis-'));
    const port = options.port ?? (await freePort());
    const redis = new PrivateRedis(program, dir, options.dir === undefined, port, options);
    await redis.restart();
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Process id of the server. */
  get pid(): number {
    if (this.serverPid === undefined) throw new Error('the private Redis is not running');
    return this.serverPid;
  }

  /** Starts the server again on the same port and folder. */
  async restart(): Promise<void> {
    const { aof = true, args = [] } = this.options;
    const serverArgs = [
      '--port',
      String(this.port),
      '--bind',
      '127.0.0.1',
      '--dir',
      this.dir,
      '--save',
      '',
      '--appendonly',
      aof ? 'yes' : 'no',
      '--appendfsync',
      'always',
      '--maxmemory-policy',
      'noeviction',
      '--loglevel',
      'warning',
      ...args,
    ];
    this.child = spawn('sh', ['-c', WATCHDOG, 'redis', this.program, ...serverArgs], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    });
    const info = await this.command(async (client) => client.info('server'), START_TIMEOUT_MS);
    this.serverPid = Number(/process_id:(\d+)/.exec(info)?.[1]);
  }

  /** SIGKILL: nothing is flushed that was not flushed before. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.end('SIGTERM');
    if (this.ownsDir) rmSync(this.dir, { recursive: true, force: true });
  }

  /** The server hangs: connections stay open, nothing is answered. */
  suspend(): void {
    process.kill(this.pid, 'SIGSTOP');
  }

  resume(): void {
    process.kill(this.pid, 'SIGCONT');
  }

  /** Forgets everything. */
  async flush(): Promise<void> {
    await this.command(async (client) => client.flushall(), START_TIMEOUT_MS);
  }

  private async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const { child, serverPid } = this;
    if (!child || serverPid === undefined) return;
    this.child = undefined;
    this.serverPid = undefined;
    const exited =
      child.exitCode === null
        ? new Promise<void>((resolve) => child.once('exit', () => resolve()))
        : undefined;
    if (exited) process.kill(serverPid, signal);
    await exited;
  }

  private async command<T>(run: (client: Redis) => Promise<T>, timeoutMs: number): Promise<T> {
    const giveUpAt = Date.now() + timeoutMs;
    for (;;) {
      const client = new Redis(this.url, { lazyConnect: true, retryStrategy: null, maxRetriesPerRequest: 0 });
      client.on('error', () => undefined);
      try {
        await client.connect();
        return await run(client);
      } catch (error) {
        if (Date.now() > giveUpAt) throw error;
        await delay(20);
      } finally {
        client.disconnect();
      }
    }
  }
}

/** The server to use: `REDIS_URL` when it is set, else a {@link PrivateRedis}. */
export async function provideRedis(): Promise<{ url: string; stop: () => Promise<void> }> {
  const url = process.env['REDIS_URL'];
  return url ? { url, stop: async () => undefined } : PrivateRedis.start();
}

function findRedisServer(): string {
  const found = SERVERS.find(isOnPath);
  if (found) return found;
  for (const { manager, needsRoot, commands } of INSTALLERS) {
    if (!isOnPath(manager) || (needsRoot && process.getuid?.() !== 0)) continue;
    for (const [program = '', ...args] of commands) spawnSync(program, args, { stdio: 'ignore' });
    const installed = SERVERS.find(isOnPath);
    if (installed) return installed;
  }
  throw new Error(
    'No Redis server was found and none could be installed. Three ways out: set REDIS_URL to a server you have; ' +
      'install redis-server or valkey-server with the package manager of this system; ' +
      'or put one of these two programs on the PATH.',
  );
}

function isOnPath(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' }).status === 0;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
