import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { ConnectorConfig, parseRedisUrl, type RedisTarget } from '../config/index.js';
import { ConfigurationError } from '../errors.js';

/** How long a command may take where somebody waits for the answer (a webhook, a probe, a scrape). */
export const REDIS_ANSWER_TIMEOUT_MS = 1500;

/** How long background work waits for a sign of life. Bull's blocking command alone takes up to 5 s. */
const PATIENT_TIMEOUT_MS = 15_000;

/** Every key of the connector begins with this; the hash tag keeps them in one slot of a cluster. */
export const REDIS_PREFIX = '{fluent-connector}';

/** So that connections that only block or listen learn of a new master, too. */
const CLUSTER_REFRESH_MS = 5000;
/** Between tries in a cluster whose slot has no master just now. */
const CLUSTER_RETRY_MS = 100;
/** With {@link CLUSTER_RETRY_MS} a third of a second: the sender is told soon that nothing was accepted. */
const CLUSTER_TRIES_OF_ANSWERING = 3;

/** A connection to one server, to the master that sentinels name, or to a cluster. */
export type RedisClient = Redis | Cluster;

interface ConnectionOptions extends RedisOptions {
  /** How often a command is tried when its slot has no master; no end while undefined. */
  readonly clusterTries?: number;
}

/**
 * The connections to Redis, by what they are for.
 *
 * - {@link answering}: somebody waits for the answer. Fails at once while Redis is away and within
 *   {@link REDIS_ANSWER_TIMEOUT_MS} when it hangs, and keeps nothing in memory.
 * - {@link patient}: background work that is better late than failed. Waits for the reconnect; the number of
 *   waiting commands is bounded by the work in progress.
 */
@Injectable()
export class RedisConnections implements OnModuleDestroy {
  private readonly logger = new Logger('Redis');
  private readonly connections = new Set<RedisClient>();
  private readonly lastLogged = new Map<string, number>();
  private readonly target: RedisTarget;
  readonly answering: RedisClient;

  constructor({ queue }: ConnectorConfig) {
    const target = parseRedisUrl(queue.redisUrl);
    if (!target)
      throw new ConfigurationError('REDIS_URL is no URL of a Redis server, of sentinels or of a cluster');
    this.target = target;
    this.answering = this.connect('answering', {
      enableOfflineQueue: false,
      maxRetriesPerRequest: 1,
      clusterTries: CLUSTER_TRIES_OF_ANSWERING,
      // After a failover the other server may not have what the first one was given: let the sender ask again.
      autoResendUnfulfilledCommands: false,
      commandTimeout: REDIS_ANSWER_TIMEOUT_MS,
      // A server that hangs would pile up unanswered commands; a closed socket drops them.
      socketTimeout: REDIS_ANSWER_TIMEOUT_MS,
    });
  }

  /** Whether another server takes over when the master fails. */
  get hasFailover(): boolean {
    return this.target.topology !== 'single';
  }

  /** A connection of one's own that waits for Redis to come back, e.g. for blocking commands. */
  patient(purpose: string): RedisClient {
    return this.connect(purpose, {
      // Bull requires both for connections that block or subscribe.
      maxRetriesPerRequest: null,
      enableReadyCheck: false,
      // A host that is gone without a word would be waited for until the system gives up, which can take hours.
      socketTimeout: PATIENT_TIMEOUT_MS,
    });
  }

  onModuleDestroy(): void {
    for (const connection of this.connections) connection.disconnect();
  }

  private connect(purpose: string, options: ConnectionOptions): RedisClient {
    const connection = open(this.target, {
      connectTimeout: REDIS_ANSWER_TIMEOUT_MS,
      retryStrategy: reconnectDelayMs,
      connectionName: `fluent-connector-${purpose}`,
      // After a failover the server may live on as a replica: its address leads to the new one by now.
      reconnectOnError: ({ message }) => (message.includes('READONLY') ? 2 : false),
      ...options,
    });
    connection.on('error', (error: Error) => this.logAtMostEverySecond(purpose, error));
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
      // Without failoverDetector: it ends a connection for good that is being made while the master changes.
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
    slotsRefreshTimeout: REDIS_ANSWER_TIMEOUT_MS,
    slotsRefreshInterval: CLUSTER_REFRESH_MS,
    // Names are resolved when they are dialled, so that a certificate is checked against the name.
    dnsLookup: (address, callback) => callback(null, address),
  });
}

function reconnectDelayMs(times: number): number {
  return Math.min(times * 50, 1000);
}
