/** A host and port. */
export interface RedisNode {
  readonly host: string;
  readonly port: number;
}

/** A user of Redis. */
export interface RedisCredentials {
  readonly username?: string;
  readonly password?: string;
}

/** Where Redis is, from `REDIS_URL`. */
export type RedisTarget =
  | { readonly topology: 'single'; readonly url: string }
  | (RedisCredentials & {
      readonly topology: 'sentinel';
      readonly tls: boolean;
      readonly sentinels: readonly RedisNode[];
      /** Credentials of the sentinels themselves. */
      readonly sentinelCredentials: RedisCredentials;
      readonly masterName: string;
      readonly database: number;
    })
  | (RedisCredentials & {
      readonly topology: 'cluster';
      readonly tls: boolean;
      readonly nodes: readonly RedisNode[];
    });

const URL_OF_SEVERAL =
  /^(?<scheme>rediss?)\+(?<topology>sentinel|cluster):\/\/(?:(?<username>[^:@/?#]*)(?::(?<password>[^@/?#]*))?@)?(?<hosts>[^@/?#]+)(?:\/(?<path>[^?#]*))?(?:\?(?<query>[^#]*))?$/;
const HOST = /^(?<host>\[[0-9a-f:.]+\]|[^[\]:\s]+)(?::(?<port>\d{1,5}))?$/i;
const DEFAULT_PORTS = { sentinel: 26_379, cluster: 6379 } as const;
const SENTINEL_OPTIONS = ['sentinelUsername', 'sentinelPassword', 'db'];

/** The accepted forms, for messages. */
export const REDIS_URL_FORMS =
  'redis://, rediss://, redis+sentinel://host,host/master or redis+cluster://host,host URL';

/**
 * @param url `redis://` or `rediss://` for one server; `redis+sentinel://u:p@h1:26379,h2/master` and
 * `redis+cluster://u:p@h1:6379,h2` for several, with `rediss+` for TLS. User and password are written as in
 * every URL (`%40` for `@`).
 * @returns undefined when the text has another form.
 */
export function parseRedisUrl(url: string): RedisTarget | undefined {
  if (isUrlOfOne(url)) return { topology: 'single', url };
  const groups = URL_OF_SEVERAL.exec(url)?.groups;
  if (!groups) return undefined;
  const topology = groups['topology'] === 'sentinel' ? 'sentinel' : 'cluster';
  const nodes = nodesOf(groups['hosts']!, DEFAULT_PORTS[topology]);
  const options = new URLSearchParams(groups['query']);
  if (!nodes) return undefined;
  try {
    const shared = {
      tls: groups['scheme'] === 'rediss',
      username: decoded(groups['username']),
      password: decoded(groups['password']),
    };
    const path = decoded(groups['path']);
    if (topology === 'cluster') {
      return path === undefined && options.size === 0 ? { topology, ...shared, nodes } : undefined;
    }
    const database = options.get('db') ?? '0';
    const isComplete =
      path !== undefined &&
      /^\d{1,5}$/.test(database) &&
      [...options.keys()].every((name) => SENTINEL_OPTIONS.includes(name));
    if (!isComplete) return undefined;
    return {
      topology,
      ...shared,
      sentinels: nodes,
      sentinelCredentials: {
        username: options.get('sentinelUsername') ?? undefined,
        password: options.get('sentinelPassword') ?? undefined,
      },
      masterName: path,
      database: Number(database),
    };
  } catch {
    // A lone % in user, password or name.
    return undefined;
  }
}

function isUrlOfOne(text: string): boolean {
  if (!/^rediss?:\/\//.test(text) || !URL.canParse(text)) return false;
  return new URL(text).hostname !== '';
}

function nodesOf(hosts: string, defaultPort: number): RedisNode[] | undefined {
  const nodes: RedisNode[] = [];
  for (const text of hosts.split(',')) {
    const match = HOST.exec(text.trim())?.groups;
    const port = Number(match?.['port'] ?? defaultPort);
    if (!match || port < 1 || port > 65_535) return undefined;
    nodes.push({ host: match['host']!.replace(/[[\]]/g, ''), port });
  }
  return nodes;
}

function decoded(text: string | undefined): string | undefined {
  return text === undefined || text === '' ? undefined : decodeURIComponent(text);
}
