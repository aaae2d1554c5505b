import { describe, expect, it } from 'vitest';
import { messageQueueSuite } from '../../testing/message-queue-suite.js';
import { MemoryMessageQueue } from './memory-message-queue.js';

describe('MemoryMessageQueue', () => {
  it.each(messageQueueSuite({ create: async () => new MemoryMessageQueue() }))('$name', async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });

  it('warns that it forgets', async () => {
    const { warnings } = await new MemoryMessageQueue().health();
    expect(warnings).toEqual([expect.stringContaining('a restart loses them')]);
  });
});
