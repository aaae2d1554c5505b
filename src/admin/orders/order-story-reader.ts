import { Injectable } from '@nestjs/common';
import { withoutRefPrefix } from '../../commercetools/index.js';
import { ConnectorConfig } from '../../config/index.js';
import { MessageQueue } from '../../delivery/index.js';
import { asError } from '../../errors.js';
import { OrderStories, storyKeyOf, unfinishedEntry, type StoryEntry } from '../../order-story/index.js';
import type { FoundOrder } from './order-finder.js';
import type { OrderStory } from './order-schemas.js';

const CUT_SHORT =
  'the queue did not search all unfinished notifications, so that some that wait may be missing here';

/** Reads what is kept of an order under each of its names, and what of it the queue has not ended yet. */
@Injectable()
export class OrderStoryReader {
  constructor(
    private readonly stories: OrderStories,
    private readonly queue: MessageQueue,
    private readonly config: ConnectorConfig,
  ) {}

  /** Never throws: what cannot be read is told by the result. */
  async read({ accountId, ref, id, scope }: FoundOrder): Promise<OrderStory> {
    if (this.config.history.ttlSeconds === 0) return { notifications: [], problem: 'HISTORY_TTL=0' };
    const refs = [...new Set([ref, withoutRefPrefix(ref, scope ?? {})])];
    const ids = id === undefined ? [] : [id];
    const names = [...refs, ...ids.map((each) => `#${each}`)];
    try {
      // Before the stories: what ends meanwhile is in both, instead of in none.
      const { found, isComplete } = await this.queue.findUnfinished({ accountId, refs, ids });
      const stories = await Promise.all(names.map((order) => this.stories.read({ accountId, order })));
      // The last one about each notification.
      const entries = new Map(stories.flat().map((entry) => [entry.notificationId, entry]));
      for (const unfinished of found) {
        if (!names.includes(storyKeyOf(unfinished.notification)?.order ?? '')) continue;
        const entry = unfinishedEntry(unfinished, entries);
        entries.set(entry.notificationId, entry);
      }
      const sorted = [...entries.values()].toSorted((one, other) => one.acceptedAt - other.acceptedAt);
      return { notifications: sorted.map(viewOf), ...(!isComplete && { problem: CUT_SHORT }) };
    } catch (error) {
      return { notifications: [], problem: asError(error).message };
    }
  }
}

function viewOf(entry: StoryEntry): OrderStory['notifications'][number] {
  const { notificationId, name, announced, outcome, attempt, error, details, deadLetterId, healedAt } = entry;
  const source = notificationId.startsWith('reconciliation:')
    ? 'reconciliation'
    : name.startsWith('commercetools.')
      ? 'commercetools'
      : 'webhook';
  return {
    notificationId,
    name,
    source,
    ...(announced !== undefined && { announced }),
    acceptedAt: new Date(entry.acceptedAt).toISOString(),
    outcome: outcome === 'accepted' ? 'waiting' : outcome,
    at: new Date(entry.at).toISOString(),
    attempts: attempt,
    ...(error && { error }),
    ...(details && { details }),
    ...(deadLetterId !== undefined && healedAt === undefined && { deadLetterId }),
    ...(healedAt !== undefined && { healedAt: new Date(healedAt).toISOString() }),
  };
}
