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

  it('reads ports from 1 to 65535, and names with spaces around them', () => {
    expect(parseRedisUrl('redis+cluster://one:1, two:65535')).toMatchObject({
      nodes: [
        { host: 'one', port: 1 },
        { host: 'two', port: 65_535 },
      ],
    });
  });

  it.each([
    ['without a name of the master', 'redis+sentinel://one/'],
    ['with an option that sentinels do not have', 'redis+sentinel://one/main?password=x'],
    ['with a database that is not a number', 'redis+sentinel://one/main?db=x1'],
    ['with text behind the database', 'redis+sentinel://one/main?db=1x'],
    ['with a database of six digits', 'redis+sentinel://one/main?db=100000'],
    ['of a cluster with a database', 'redis+cluster://one/1'],
    ['of a cluster with an option', 'redis+cluster://one?db=1'],
    ['with port 0', 'redis+cluster://one:0'],
    ['with a port that there is not', 'redis+cluster://one:65536'],
    ['with an empty host', 'redis+cluster://one,,two'],
    ['with a lone % in the password', 'redis+cluster://u:%@one'],
    ['without a host', 'redis://'],
    ['behind other text', 'see redis://one'],
  ])('refuses a URL %s', (_case, url) => {
    expect(parseRedisUrl(url)).toBeUndefined();
  });

  it('reads a database of several digits', () => {
    expect(parseRedisUrl('redis+sentinel://one/main?db=15')).toMatchObject({ database: 15 });
  });
});
