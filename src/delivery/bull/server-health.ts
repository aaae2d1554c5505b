import { asError } from '../../errors.js';
import type { QueueHealth } from '../message-queue.js';
import type { RedisClient } from '../../redis/index.js';
import { KEYS } from './keys.js';
import { HIGH_WATER_MARK, redisWarnings, usedMemoryShare, type RedisUse } from './redis-warnings.js';
import type { QueueScriptRunner } from './scripts.js';

const WARNINGS_TTL_MS = 30_000;
/** How old the answer may be whether memory is left for another notification. */
const MEMORY_TTL_MS = 1000;

/** What the Redis server says about itself. */
export class ServerHealth {
  private memory?: { isFull: Promise<boolean>; at: number };
  private warnings?: { value: readonly string[]; at: number };

  constructor(
    private readonly client: RedisClient,
    private readonly scripts: QueueScriptRunner,
    private readonly use: RedisUse,
  ) {}

  /** Without a mark, workers would starve: the ingress takes every byte that they free. */
  isNearlyFull(): Promise<boolean> {
    if (!this.memory || Date.now() - this.memory.at > MEMORY_TTL_MS) {
      const isFull = this.describe().then(
        (info) => usedMemoryShare(info) >= HIGH_WATER_MARK,
        // Accepting tells by itself why it fails.
        () => false,
      );
      this.memory = { isFull, at: Date.now() };
    }
    return this.memory.isFull;
  }

  async read(): Promise<QueueHealth> {
    try {
      // Of the server that has our keys; PING may ask any of a cluster.
      await this.client.exists(KEYS.any);
      if (!this.warnings || Date.now() - this.warnings.at > WARNINGS_TTL_MS) {
        this.warnings = { value: redisWarnings(await this.describe(), this.use), at: Date.now() };
      }
      return { reachable: true, warnings: this.warnings.value };
    } catch (error) {
      return { reachable: false, warnings: [`Redis does not answer: ${asError(error).message}`] };
    }
  }

  private describe(): Promise<string> {
    return this.scripts.run('describeServer', {});
  }
}
