import { once } from 'node:events';
import type { Socket } from 'node:net';
import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { ConnectorConfig, type RedisTarget } from '../config/index.js';
import { ConfigurationError } from '../errors.js';

/** How long a command may take when a request waits for its answer: a webhook, a probe, a scrape. */
export const FAIL_FAST_TIMEOUT_MS = 1500;

/** How long a start waits for the first connection. */
const OPEN_TIMEOUT_MS = 3000;

/** How long background work waits for any data from Redis. Bull's blocking command alone takes up to 5 s. */
const RECONNECTING_TIMEOUT_MS = 15_000;

/** The beginning of every key. The hash tag keeps all keys in one slot of a cluster. */
export const REDIS_PREFIX = '{fluent-connector}';

/** Only this refresh tells connections that block or subscribe about a new master. */
const CLUSTER_REFRESH_MS = 5000;
/** The pause between tries while a slot of the cluster has no master. */
const CLUSTER_RETRY_MS = 100;
/** With {@link CLUSTER_RETRY_MS}, a third of a second, so the sender soon gets an answer. */
const FAIL_FAST_CLUSTER_TRIES = 3;

/** A connection to one server, to the master that sentinels name, or to a cluster. */
export type RedisClient = Redis | Cluster;

/** Something that replicas share was asked of a connector without `REDIS_URL`. */
export class RedisNotConfiguredError extends ConfigurationError {
  constructor() {
    super('the overview, reconciles and stories are kept in Redis: set REDIS_URL to use them');
  }
}

interface ConnectionOptions extends RedisOptions {
  /** How many times to try a command while its slot has no master; unlimited if undefined. */
  readonly clusterTries?: number;
}

/**
 * The connections to Redis, one kind for each need.
 *
 * - {@link failFast} is for requests that wait for an answer. A command fails at once while Redis is away, and
 *   within {@link FAIL_FAST_TIMEOUT_MS} when Redis hangs. Nothing is kept in memory.
 * - {@link reconnecting} is for background work that may be late but must not fail. A command waits until Redis is
 *   back. The work in progress bounds the number of waiting commands.
 *
 * A connection is opened when a part first asks for it. A connector with another queue may have no Redis at all.
 */
@Injectable()
export class RedisConnections implements OnApplicationShutdown {
  private readonly logger = new Logger('Redis');
  private readonly connections = new Set<RedisClient>();
  private readonly lastLogged = new Map<string, number>();
  private lastError?: Error;
  private readonly configured: RedisTarget | undefined;
  private failFastConnection?: RedisClient;

  constructor({ queue }: ConnectorConfig) {
    this.configured = queue.redis;
  }

  /** Whether `REDIS_URL` is set. Without it, parts that need no other replica keep what they need in memory. */
  get isConfigured(): boolean {
    return this.configured !== undefined;
  }

  /** @throws RedisNotConfiguredError without `REDIS_URL`. */
  get failFast(): RedisClient {
    return (this.failFastConnection ??= this.connect('fail-fast', {
      enableOfflineQueue: false,
      maxRetriesPerRequest: 1,
      clusterTries: FAIL_FAST_CLUSTER_TRIES,
      // After a failover, the new master may lack the last writes, so the sender must send again.
      autoResendUnfulfilledCommands: false,
      commandTimeout: FAIL_FAST_TIMEOUT_MS,
      // A server that hangs would collect unanswered commands. Closing the socket drops them.
      socketTimeout: FAIL_FAST_TIMEOUT_MS,
    }));
  }

  /** Whether another server takes over when the master fails. */
  get hasFailover(): boolean {
    return this.target.topology !== 'single';
  }

  /**
   * Waits until {@link failFast} can be used, three seconds at most; without `REDIS_URL` there is nothing to wait for. A
   * first attempt may fail, for example because the start kept the process busy: the client connects again.
   *
   * @param stop ends the wait early.
   * @throws Error with the last answer of the server or the network.
   */
  async opened(stop?: AbortSignal): Promise<void> {
    if (!this.isConfigured) return;
    const timeUp = AbortSignal.timeout(OPEN_TIMEOUT_MS);
    const signal = stop ? AbortSignal.any([timeUp, stop]) : timeUp;
    while (this.failFast.status !== 'ready') {
      await once(this.failFast, 'ready', { signal }).catch(() => undefined);
      if (signal.aborted) throw this.lastError ?? signal.reason;
    }
  }

  /**
   * Opens a separate connection that waits until Redis is back, e.g. for blocking commands.
   *
   * @throws RedisNotConfiguredError without `REDIS_URL`.
   */
  reconnecting(purpose: string): RedisClient {
    return this.connect(purpose, {
      // Bull requires both for connections that block or subscribe.
      maxRetriesPerRequest: null,
      enableReadyCheck: false,
      // Without it, the connection would wait for a lost host until the operating system's time-out, which can be hours.
      socketTimeout: RECONNECTING_TIMEOUT_MS,
    });
  }

  /** Closes the connections after the last hook that uses them. */
  onApplicationShutdown(): void {
    for (const connection of this.connections) connection.disconnect();
  }

  private get target(): RedisTarget {
    if (this.configured) return this.configured;
    throw new RedisNotConfiguredError();
  }

  private connect(purpose: string, options: ConnectionOptions): RedisClient {
    const connection = open(this.target, {
      connectTimeout: FAIL_FAST_TIMEOUT_MS,
      retryStrategy: reconnectDelayMs,
      connectionName: `fluent-connector-${purpose}`,
      // After a failover the old master may live on as a replica. Its address then leads to the new master.
      reconnectOnError: ({ message }) => (message.includes('READONLY') ? 2 : false),
      ...options,
    });
    connection.on('error', (error: Error) => {
      this.lastError = error;
      this.logAtMostEverySecond(purpose, error);
    });
    const prepare = (server: Redis): void => {
      endSocketTimeoutWithSocket(server);
      writeTogether(server);
      forgetArguments(server);
    };
    if (connection instanceof Cluster) connection.on('+node', prepare);
    else prepare(connection);
    this.connections.add(connection);
    return connection;
  }

  /** A reconnecting client reports the same error many times a second. */
  private logAtMostEverySecond(purpose: string, error: Error): void {
    const now = Date.now();
    if (now - (this.lastLogged.get(purpose) ?? 0) < 1000) return;
    this.lastLogged.set(purpose, now);
    this.logger.warn(`Redis (${purpose}): ${error.message || error.name}; check REDIS_URL and the server`);
  }
}

function open(target: RedisTarget, { clusterTries, ...options }: ConnectionOptions): RedisClient {
  if (target.topology === 'single') return new Redis(target.url, options);
  const { tls, username, password } = target;
  const secured = { ...options, username, password, ...(tls ? { tls: {} } : {}) };
  if (target.topology === 'sentinel') {
    const { sentinels, sentinelCredentials, masterName, database } = target;
    return new Redis({
      ...secured,
      sentinels: [...sentinels],
      name: masterName,
      db: database,
      sentinelUsername: sentinelCredentials.username,
      sentinelPassword: sentinelCredentials.password,
      enableTLSForSentinelMode: tls,
      // Without failoverDetector, which ends a connection for good when the master changes while it connects.
      sentinelRetryStrategy: reconnectDelayMs,
    });
  }
  return new Cluster([...target.nodes], {
    redisOptions: secured,
    clusterRetryStrategy: reconnectDelayMs,
    enableOfflineQueue: options.enableOfflineQueue,
    enableReadyCheck: options.enableReadyCheck,
    maxRedirections: clusterTries ?? Number.MAX_SAFE_INTEGER,
    retryDelayOnFailover: CLUSTER_RETRY_MS,
    retryDelayOnClusterDown: CLUSTER_RETRY_MS,
    slotsRefreshTimeout: FAIL_FAST_TIMEOUT_MS,
    slotsRefreshInterval: CLUSTER_REFRESH_MS,
    // Host names are resolved at connect time, so that TLS checks the certificate against the name.
    dnsLookup: (address, callback) => callback(null, address),
  });
}

/**
 * ioredis keeps the timer of `socketTimeout` when the connection closes. It would keep the process alive after the
 * shutdown, and would end the next connection of a client that reconnects.
 */
function endSocketTimeoutWithSocket(connection: Redis): void {
  connection.on('close', () => {
    clearTimeout(connection['socketTimeoutTimer']);
    connection['socketTimeoutTimer'] = undefined;
  });
}

/**
 * Commands that are sent in the same turn of the event loop leave in one write, and Redis reads them at once: a system call
 * costs more than a command. In a pipeline, which ioredis could make of them, a script that Redis has forgotten would fail.
 */
function writeTogether(connection: Redis): void {
  const send = connection.sendCommand.bind(connection);
  connection.sendCommand = (command, pipeline) => {
    const { stream } = connection as { stream?: Socket };
    if (stream?.writableCorked === 0) {
      stream.cork();
      process.nextTick(() => stream.uncork());
    }
    return send(command, pipeline);
  };
}

/**
 * A command that has ended lets go of what it sent. ioredis assigns a closure to each command, and V8 puts closures that are
 * assigned to a property among the old objects at once (ADR 28). From there the command would keep its arguments, such as webhooks, until
 * V8 collects the whole heap. A cluster may send the commands of a pipeline again.
 */
function forgetArguments(connection: Redis): void {
  const send = connection.sendCommand.bind(connection);
  connection.sendCommand = (command, pipeline) => {
    if (!pipeline) {
      const forget = (): void => {
        command.args = [];
      };
      command.promise.then(forget, forget);
    }
    return send(command, pipeline);
  };
}

function reconnectDelayMs(times: number): number {
  return Math.min(times * 50, 1000);
}
