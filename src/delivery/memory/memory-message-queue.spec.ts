import { describe, expect, it } from 'vitest';
import { messageQueueSuite } from '../../testing/message-queue-suite.js';
import { MemoryMessageQueue } from './memory-message-queue.js';

describe('MemoryMessageQueue', () => {
  for (const { name, run } of messageQueueSuite({ create: async () => new MemoryMessageQueue() })) {
    // eslint-disable-next-line vitest/expect-expect -- the suite asserts
    it(name, run);
  }

  it('warns that it forgets', async () => {
    const { warnings } = await new MemoryMessageQueue().health();
    expect(warnings).toEqual([expect.stringContaining('a restart loses them')]);
  });
});
