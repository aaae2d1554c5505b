import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { Redis, type RedisOptions } from 'ioredis';
import { ConnectorConfig } from '../config/index.js';

/** How long a command may take where somebody waits for the answer (a webhook, a probe, a scrape). */
export const REDIS_ANSWER_TIMEOUT_MS = 1500;

/** How long background work waits for a sign of life. Bull's blocking command alone takes up to 5 s. */
const PATIENT_TIMEOUT_MS = 15_000;

/** Every key of the connector begins with this; the hash tag keeps them in one slot of a cluster. */
export const REDIS_PREFIX = '{fluent-connector}';

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
  private readonly connections = new Set<Redis>();
  private readonly lastLogged = new Map<string, number>();
  readonly answering: Redis;

  constructor(private readonly config: ConnectorConfig) {
    this.answering = this.connect('answering', {
      enableOfflineQueue: false,
      maxRetriesPerRequest: 1,
      commandTimeout: REDIS_ANSWER_TIMEOUT_MS,
      // A server that hangs would pile up unanswered commands; a closed socket drops them.
      socketTimeout: REDIS_ANSWER_TIMEOUT_MS,
    });
  }

  /** A connection of one's own that waits for Redis to come back, e.g. for blocking commands. */
  patient(purpose: string): Redis {
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

  private connect(purpose: string, options: RedisOptions): Redis {
    const connection = new Redis(this.config.queue.redisUrl, {
      connectTimeout: REDIS_ANSWER_TIMEOUT_MS,
      retryStrategy: (times) => Math.min(times * 50, 1000),
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
