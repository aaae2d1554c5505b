import { describe, expect, it } from 'vitest';
import { redisWarnings } from './redis-warnings.js';

function info(fields: Record<string, string | number>): string {
  const all = { aof_enabled: 1, maxmemory_policy: 'noeviction', connected_slaves: 0, ...fields };
  return Object.entries(all)
    .map(([name, value]) => `${name}:${value}`)
    .join('\r\n');
}

const single = { hasFailover: false, waitReplicas: 0 };

describe('redisWarnings', () => {
  it.each([
    ['a durable server', info({}), single, []],
    ['memory below the mark', info({ used_memory: 89, maxmemory: 100 }), single, []],
    ['memory at the mark', info({ used_memory: 90, maxmemory: 100 }), single, [/90 % of its maxmemory/]],
    ['memory without a limit', info({ used_memory: 90, maxmemory: 0 }), single, []],
    ['a server without a file', info({ aof_enabled: 0 }), single, [/appendonly yes/]],
    ['a server that evicts', info({ maxmemory_policy: 'allkeys-lru' }), single, [/noeviction/]],
    [
      'replicas without REDIS_WAIT_REPLICAS',
      info({ connected_slaves: 2 }),
      { hasFailover: true, waitReplicas: 0 },
      [/set REDIS_WAIT_REPLICAS=1/],
    ],
    [
      'replicas that are waited for',
      info({ connected_slaves: 1 }),
      { hasFailover: true, waitReplicas: 1 },
      [],
    ],
    [
      'replicas that are not there',
      info({ connected_slaves: 1 }),
      { hasFailover: true, waitReplicas: 2 },
      [/has 1 replicas and REDIS_WAIT_REPLICAS is 2/],
    ],
  ])('judges %s', (_case, text, use, expected) => {
    expect(redisWarnings(text, use)).toEqual(expected.map((each) => expect.stringMatching(each) as string));
  });
});
