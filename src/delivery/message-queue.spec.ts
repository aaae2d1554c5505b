import { expect, it } from 'vitest';
import { MemoryMessageQueue } from './memory/memory-message-queue.js';
import { MessageQueue, type EntitySearch } from './message-queue.js';

it('says of a queue that cannot search that its search is not complete', async () => {
  class WithoutSearch extends MemoryMessageQueue {
    override findUnfinished(search: EntitySearch) {
      return MessageQueue.prototype.findUnfinished.call(this, search);
    }
  }
  const search = { accountId: 'ACME', refs: ['O_1'], ids: [] };
  expect(await new WithoutSearch().findUnfinished(search)).toEqual({ found: [], isComplete: false });
});
