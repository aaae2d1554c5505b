import { Injectable } from '@nestjs/common';
import { withoutRefPrefix } from '../../commercetools/index.js';
import { ConnectorConfig } from '../../config/index.js';
import { asError } from '../../errors.js';
import { OrderStories, type StoryEntry } from '../../order-story/index.js';
import type { FoundOrder } from './order-finder.js';
import type { OrderStory } from './order-schemas.js';

/** Reads what is kept of an order under each of its names. */
@Injectable()
export class OrderStoryReader {
  constructor(
    private readonly stories: OrderStories,
    private readonly config: ConnectorConfig,
  ) {}

  /** Never throws: what cannot be read is told by the result. */
  async read({ accountId, ref, id, scope }: FoundOrder): Promise<OrderStory> {
    if (this.config.history.ttlSeconds === 0) return { notifications: [], problem: 'HISTORY_TTL=0' };
    const names = new Set([ref, withoutRefPrefix(ref, scope ?? {}), ...(id === undefined ? [] : [`#${id}`])]);
    try {
      const stories = await Promise.all([...names].map((order) => this.stories.read({ accountId, order })));
      const entries = stories.flat().toSorted((one, other) => one.acceptedAt - other.acceptedAt);
      return { notifications: entries.map(viewOf) };
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
