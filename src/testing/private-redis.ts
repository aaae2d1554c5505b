import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from './free-port.js';
import { provideRedisServer } from './redis-server.js';

const START_TIMEOUT_MS = 15_000;
const STOP_TIMEOUT_MS = 5_000;
const READY_POLL_MS = 10;
/** How often to try, because another process may take a free port before the server does. */
const PORT_ATTEMPTS = 3;

/**
 * Reads the server's process id and waits for the end of its standard input. The system closes this input when
 * the parent has ended, even after SIGKILL. The script then ends the server and removes its temporary folder.
 */
const WATCHDOG = 'read -r pid; cat >/dev/null; kill -9 "$pid"; [ -z "$1" ] || rm -rf -- "$1"';

/** Options of {@link PrivateRedis.start}. */
export interface PrivateRedisOptions {
  /** Keep an append-only file and sync every write. True by default. */
  aof?: boolean;
  /** A new temporary folder by default, which {@link PrivateRedis.stop} removes. */
  dir?: string;
  /** A free port by default. */
  port?: number;
  /** More arguments of the server; they take precedence over the defaults. */
  args?: readonly string[];
  /**
   * Starts a sentinel instead of a server. These are the lines of its configuration file that name what it monitors.
   * A sentinel has no data, so `aof` has no effect.
   */
  sentinel?: readonly string[];
}

interface RunningServer {
  readonly process: ChildProcess;
  readonly watchdog: ChildProcess;
  readonly exited: Promise<void>;
  readonly pid: number;
}

/**
 * A private Redis (or Valkey) server on 127.0.0.1, for tests and demos. It never outlives this process, even if the
 * process is killed.
 *
 * @example
 * const redis = await PrivateRedis.start();
 * // … connect to redis.url …
 * await redis.kill(); // as if the machine had failed
 * await redis.restart(); // same port, same data
 * await redis.stop();
 */
export class PrivateRedis {
  #server?: RunningServer;

  private constructor(
    private readonly program: string,
    private readonly dir: string,
    private readonly options: PrivateRedisOptions,
    readonly port: number,
  ) {}

  /** @throws Error that says how to provide a server when none is installed and none can be installed. */
  static async start(options: PrivateRedisOptions = {}): Promise<PrivateRedis> {
    const program = provideRedisServer();
    const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'fluent-connector-redis-'));
    for (let attempt = 1; ; attempt += 1) {
      const redis = new PrivateRedis(program, dir, options, options.port ?? (await freePort()));
      try {
        await redis.restart();
        return redis;
      } catch (error) {
        if (options.port === undefined && attempt < PORT_ATTEMPTS) continue;
        if (options.dir === undefined) rmSync(dir, { recursive: true, force: true });
        throw error;
      }
    }
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Process id of the server. */
  get pid(): number {
    return this.#running.pid;
  }

  /** Restarts the server on the same port and folder. If it runs, stops it first. */
  async restart(): Promise<void> {
    await this.#end('SIGTERM');
    const server = this.#launch();
    this.#server = server;
    const deadline = AbortSignal.timeout(START_TIMEOUT_MS);
    const outcome = await Promise.race([
      this.#untilReady(server.pid, deadline),
      server.exited.then(() => 'it ended at once'),
    ]);
    if (outcome === 'ready') return;
    await this.#end('SIGKILL');
    const log = readFileSync(this.#logFile, 'utf8').trim().split('\n').slice(-5).join('\n');
    throw new Error(`${this.program} did not start on port ${this.port}: ${outcome}\n${log}`);
  }

  /** Sends SIGKILL. The server loses all data that it has not synced to disk. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Ends the server and removes its folder, unless the caller provided it. You can call it twice. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
    if (this.options.dir === undefined) rmSync(this.dir, { recursive: true, force: true });
  }

  /** Suspends the server: connections stay open, but it answers nothing. */
  suspend(): void {
    this.#running.process.kill('SIGSTOP');
  }

  /** Resumes a suspended server, which then answers the commands that it has received. */
  resume(): void {
    this.#running.process.kill('SIGCONT');
  }

  /** Deletes every key. */
  async flush(): Promise<void> {
    const client = new Redis(this.url);
    await client.flushall();
    client.disconnect();
  }

  get #running(): RunningServer {
    if (!this.#server) throw new Error('the private Redis is not running');
    return this.#server;
  }

  get #logFile(): string {
    return join(this.dir, 'server.log');
  }

  #launch(): RunningServer {
    const temporaryDir = this.options.dir === undefined ? this.dir : '';
    // Both run in separate process groups: Ctrl-C in a terminal must not end Redis while the process drains.
    const watchdog = spawn('sh', ['-c', WATCHDOG, 'redis-watchdog', temporaryDir], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    const log = openSync(this.#logFile, 'a');
    const process = spawn(this.program, serverArguments(this.port, this.dir, this.options), {
      stdio: ['ignore', log, log],
      detached: true,
    });
    closeSync(log);
    const exited = new Promise<void>((resolve, reject) => {
      process.once('error', reject);
      process.once('exit', () => {
        // Only now: the id may belong to another process soon.
        watchdog.kill('SIGKILL');
        resolve();
      });
    });
    const { pid } = process;
    if (pid === undefined) throw new Error(`${this.program} could not be started`);
    // The pipe breaks when the watchdog is ended before it has read; there is nothing to tell it then.
    watchdog.stdin?.on('error', () => undefined);
    watchdog.stdin?.write(`${pid}\n`);
    // A script that forgets stop() can end; the watchdog then ends the server.
    process.unref();
    watchdog.unref();
    return { process, watchdog, exited, pid };
  }

  /** @returns `ready` once the server answers and has loaded its data, else why not. */
  async #untilReady(pid: number, deadline: AbortSignal): Promise<string> {
    const client = new Redis(this.url, { retryStrategy: () => READY_POLL_MS, maxRetriesPerRequest: null });
    let lastError = 'it did not answer';
    // Refused connections are the normal course of a start.
    client.on('error', (error: Error) => (lastError = error.message));
    try {
      await new Promise((resolve, reject) => {
        client.once('ready', resolve);
        deadline.addEventListener('abort', reject, { once: true });
      });
      const info = await client.info('server');
      return info.includes(`process_id:${pid}\r`) ? 'ready' : 'another server has the port';
    } catch {
      return `${lastError} within ${START_TIMEOUT_MS} ms`;
    } finally {
      client.disconnect();
    }
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    server.process.kill(signal);
    // A hanging or suspended server does not react to SIGTERM.
    const impatience = setTimeout(() => server.process.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await server.exited;
    clearTimeout(impatience);
  }
}

/** A Redis server and how to end it. */
export interface ProvidedRedis {
  readonly url: string;
  /** Does nothing if the test kit did not start the server. */
  stop(): Promise<void>;
}

/** The server that `REDIS_URL` names when it is set, else a {@link PrivateRedis}. */
export async function provideRedis(): Promise<ProvidedRedis> {
  const url = process.env.REDIS_URL;
  return url ? { url, stop: async () => undefined } : PrivateRedis.start();
}

function serverArguments(
  port: number,
  dir: string,
  { aof = true, args = [], sentinel }: PrivateRedisOptions,
): string[] {
  if (sentinel) {
    // A sentinel keeps what it learns in its configuration file, and does not start without one.
    const file = join(dir, 'sentinel.conf');
    writeFileSync(file, [`port ${port}`, 'bind 127.0.0.1', `dir ${dir}`, ...sentinel, ''].join('\n'));
    return [file, '--sentinel'];
  }
  const settings = {
    port: String(port),
    bind: '127.0.0.1',
    dir,
    save: '',
    appendonly: aof ? 'yes' : 'no',
    appendfsync: 'always',
    'maxmemory-policy': 'noeviction',
  };
  return [...asArguments(settings), ...args];
}

/** @param settings as in a configuration file. @returns the same as arguments of a server. */
export function asArguments(settings: Readonly<Record<string, string | number>>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
}
