import {
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { ConnectorConfig } from '../config/index.js';
import { MessageQueue } from '../delivery/index.js';
import { asError } from '../errors.js';
import { REDIS_PREFIX, RedisConnections, ScriptRunner, loadScripts } from '../redis/index.js';
import { OrderStories, type StoryEntry, type StoryKey } from './order-stories.js';

const STORY = `${REDIS_PREFIX}:story:`;
const KEYS = {
  index: `${REDIS_PREFIX}:stories`,
  bytes: `${REDIS_PREFIX}:stories:bytes`,
  dead: `${REDIS_PREFIX}:stories:dead`,
};

/** Notifications of one order that are kept; the oldest go first. */
const MAX_ENTRIES = 30;
/** What Redis needs for an order beside the text of its entries: two keys' worth, and its place in the index. */
const ORDER_BYTES = 400;
/** Entries are written together after this time, or when so many wait. */
const FLUSH_MS = 100;
const FLUSH_ENTRIES = 200;
/** While Redis is away, the newest entries wait for it, and the others are lost. */
const MAX_WAITING = 5000;
/** Old stories are forgotten also when nothing is written. */
const EVICT_MS = 600_000;
const WARN_MS = 60_000;
const SHUTDOWN_MS = 1000;
/** Of an entry. What a handler says in more is left out. */
const MAX_LENGTH = 2000;

interface StoryScripts {
  appendStories: {
    args: 'storyPrefix' | 'maxEntries' | 'maxBytes' | 'atMs' | 'oldestMs' | 'orderBytes';
    each: 'order' | 'entry' | 'heals' | 'replaced';
    reply: string[];
  };
}

const SCRIPTS = loadScripts<StoryScripts>(new URL('.', import.meta.url), { appendStories: 'append' });

interface Waiting {
  readonly order: string;
  readonly entry: StoryEntry;
  readonly heals?: string;
}

/**
 * Stories in Redis: a list for each order, and an index by the time of their last entry, from which the oldest are
 * forgotten. Entries are collected in memory and written by one script for many, on a connection of their own: neither a
 * webhook nor a run waits for them.
 */
@Injectable()
export class RedisOrderStories
  extends OrderStories
  implements OnApplicationBootstrap, BeforeApplicationShutdown
{
  private readonly logger = new Logger('OrderStory');
  private readonly waiting: Waiting[] = [];
  private readonly ttlMs: number;
  private readonly maxBytes: number;
  private scripts?: ScriptRunner<StoryScripts, keyof typeof KEYS>;
  private timer?: NodeJS.Timeout;
  private flushing?: Promise<void>;
  private eviction?: NodeJS.Timeout;
  private lost = 0;
  private warnAt = 0;

  constructor(
    { history }: ConnectorConfig,
    private readonly connections: RedisConnections,
    private readonly queue: MessageQueue,
  ) {
    super();
    // Only the admin API shows stories, and it needs Redis.
    this.ttlMs = connections.isConfigured ? history.ttlSeconds * 1000 : 0;
    this.maxBytes = history.maxMegabytes * 1_048_576;
  }

  override add({ accountId, order }: StoryKey, entry: StoryEntry, heals?: string): void {
    if (this.ttlMs === 0) return;
    if (this.waiting.length >= MAX_WAITING) {
      this.waiting.shift();
      this.lost++;
    }
    this.waiting.push({ order: JSON.stringify([accountId, order]), entry, heals });
    if (this.waiting.length >= FLUSH_ENTRIES) void this.flush();
    else this.timer ??= setTimeout(() => void this.flush(), FLUSH_MS);
  }

  override async read({ accountId, order }: StoryKey): Promise<readonly StoryEntry[]> {
    if (this.ttlMs === 0) return [];
    await this.flush();
    const texts = await this.connections.failFast.lrange(STORY + JSON.stringify([accountId, order]), 0, -1);
    const oldest = Date.now() - this.ttlMs;
    return texts.map(entryOf).filter(({ at }) => at >= oldest);
  }

  onApplicationBootstrap(): void {
    if (this.ttlMs > 0) this.eviction = setInterval(() => void this.append([]), EVICT_MS).unref();
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.eviction);
    let timeUp: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => (timeUp = setTimeout(resolve, SHUTDOWN_MS)));
    await Promise.race([this.flush(), limit]);
    clearTimeout(timeUp);
    clearTimeout(this.timer);
  }

  /** One script at a time: what comes meanwhile goes with the next one. */
  private async flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.flushing) return this.flushing;
    if (this.waiting.length === 0) return;
    this.flushing = this.write().finally(() => {
      this.flushing = undefined;
      if (this.waiting.length > 0) this.timer ??= setTimeout(() => void this.flush(), FLUSH_MS);
    });
    return this.flushing;
  }

  private async write(): Promise<void> {
    const batch = this.waiting.splice(0, FLUSH_ENTRIES);
    const dead = await this.append(batch);
    for (const text of dead) await this.heal(entryOf(text), batch);
  }

  /** Also forgets what is too old or too much. @returns the entries about dead letters that may be healed. */
  private async append(batch: readonly Waiting[]): Promise<readonly string[]> {
    const now = Date.now();
    const args = {
      storyPrefix: STORY,
      maxEntries: MAX_ENTRIES,
      maxBytes: this.maxBytes,
      atMs: now,
      oldestMs: now - this.ttlMs,
      orderBytes: ORDER_BYTES,
    };
    const items = batch.map(({ order, entry, heals }) => ({
      order,
      entry: textOf(entry),
      heals: heals === undefined ? 0 : 1,
      // Only what has failed once has an earlier entry. A replayed dead letter also has one, which readers leave out.
      replaced: entry.error ? identityOf(entry) : '',
    }));
    try {
      this.scripts ??= new ScriptRunner(this.connections.reconnecting('stories'), SCRIPTS, KEYS);
      const dead = await this.scripts.run('appendStories', args, {}, items);
      if (this.lost > 0) this.warn('Redis was too slow');
      return dead;
    } catch (error) {
      this.lost += batch.length;
      this.warn(asError(error).message);
      return [];
    }
  }

  /** A run of the same key that began later did what the dead letter was for. */
  private async heal(letter: StoryEntry, batch: readonly Waiting[]): Promise<void> {
    const { deadLetterId, coalesceKey, notificationId } = letter;
    const healer = batch.find(({ entry, heals }) => heals === coalesceKey && entry.acceptedAt >= letter.at);
    if (!healer || coalesceKey === undefined || deadLetterId === undefined || letter.healedAt !== undefined)
      return;
    const isRemoved = await this.queue.discard(deadLetterId).catch((error: unknown) => {
      this.logger.warn(`healed dead letter ${deadLetterId} could not be removed: ${asError(error).message}`);
      return false;
    });
    if (!isRemoved) return;
    this.logger.log(
      `dead letter ${deadLetterId} (notification ${notificationId}) is removed: notification ` +
        `${healer.entry.notificationId} has brought the order into agreement since`,
    );
    this.waiting.push({ order: healer.order, entry: { ...letter, at: Date.now(), healedAt: Date.now() } });
  }

  private warn(reason: string): void {
    if (Date.now() < this.warnAt) return;
    this.warnAt = Date.now() + WARN_MS;
    this.logger.warn(`${this.lost} entries of order stories were lost: ${reason}. Orders are still synced`);
    this.lost = 0;
  }
}

/** What the text of an entry contains when it is about the same notification. */
function identityOf({ notificationId }: StoryEntry): string {
  return `"notificationId":${JSON.stringify(notificationId)}`;
}

/** Bounded, however much a handler says. */
function textOf(entry: StoryEntry): string {
  const text = JSON.stringify(entry);
  return text.length <= MAX_LENGTH ? text : JSON.stringify({ ...entry, details: undefined });
}

function entryOf(text: string): StoryEntry {
  return JSON.parse(text) as StoryEntry;
}
