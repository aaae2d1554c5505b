import { describe, expect, it } from 'vitest';
import { parseRedisUrl } from './redis-target.js';

describe('parseRedisUrl', () => {
  it('leaves the URL of one server as it is', () => {
    const url = 'rediss://user:p%40ss@cache:6380/2?family=6';
    expect(parseRedisUrl(url)).toEqual({ topology: 'single', url });
  });

  it('reads sentinels, their credentials and the name of the master', () => {
    expect(
      parseRedisUrl(
        'rediss+sentinel://user:p%40%2Css@one,two:26380,[::1]:26381/main?sentinelUsername=s&sentinelPassword=p%26w&db=2',
      ),
    ).toEqual({
      topology: 'sentinel',
      tls: true,
      username: 'user',
      password: 'p@,ss',
      sentinels: [
        { host: 'one', port: 26_379 },
        { host: 'two', port: 26_380 },
        { host: '::1', port: 26_381 },
      ],
      sentinelCredentials: { username: 's', password: 'p&w' },
      masterName: 'main',
      database: 2,
    });
  });

  it('reads the nodes of a cluster', () => {
    expect(parseRedisUrl('redis+cluster://:secret@one:7000,two')).toEqual({
      topology: 'cluster',
      tls: false,
      username: undefined,
      password: 'secret',
      nodes: [
        { host: 'one', port: 7000 },
        { host: 'two', port: 6379 },
      ],
    });
  });
});
