import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { freePort } from './free-port.js';
import { PrivateRedis, type PrivateRedisOptions, asArguments } from './private-redis.js';

const MASTER_NAME = 'main';
const SENTINELS = 3;
const CLUSTER_MASTERS = 3;
/** Keys that a resharding moves at once: few, so that scripts meet a slot that is moved in part. */
const MOVED_KEYS = 5;
const CLUSTER_SLOTS = 16_384;
/** How long a master may be silent before the others take it for dead, milliseconds. */
const SILENCE_MS = 2000;
const START_TIMEOUT_MS = 20_000;
const POLL_MS = 50;
/** A replica that follows another master is not kept waiting for others that might come. */
const NO_SYNC_DELAY = asArguments({ 'repl-diskless-sync-delay': 0 });

/** Options of both topologies. */
export interface TopologyOptions {
  /** Replicas of the master (of {@link PrivateCluster}: of the master that owns `key`); 2 by default. */
  readonly replicas?: number;
}

/**
 * A master with replicas and three sentinels on 127.0.0.1, for tests. None of them outlives this process.
 */
export class PrivateSentinel {
  private constructor(
    private readonly servers: readonly PrivateRedis[],
    private readonly sentinels: readonly PrivateRedis[],
  ) {}

  static async start({ replicas = 2 }: TopologyOptions = {}): Promise<PrivateSentinel> {
    const started: PrivateRedis[] = [];
    return orStop(started, async () => {
      const start = startInto(started);
      const master = await start();
      const followers = await Promise.all(
        Array.from({ length: replicas }, () =>
          start({ args: ['--replicaof', '127.0.0.1', String(master.port)] }),
        ),
      );
      await untilReplicasAttached(master, replicas);
      const watched = [
        `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${master.port} 2`,
        `sentinel down-after-milliseconds ${MASTER_NAME} ${SILENCE_MS}`,
        `sentinel failover-timeout ${MASTER_NAME} 5000`,
      ];
      const sentinels = await Promise.all(
        Array.from({ length: SENTINELS }, () => start({ sentinel: watched })),
      );
      for (const sentinel of sentinels) {
        await until('the sentinels know each other and the replicas', sentinel, async (client) => {
          const known = fieldsOf(await client.call('SENTINEL', 'MASTER', MASTER_NAME));
          return (
            known.get('num-other-sentinels') === String(SENTINELS - 1) &&
            known.get('num-slaves') === String(replicas)
          );
        });
      }
      return new PrivateSentinel([master, ...followers], sentinels);
    });
  }

  get url(): string {
    return `redis+sentinel://${this.sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/${MASTER_NAME}`;
  }

  /** Ends the master like a power cut. @returns once the sentinels name another one. */
  async killMaster(): Promise<void> {
    const before = await this.masterPort();
    const master = this.servers.find(({ port }) => port === before);
    if (!master) throw new Error(`the sentinels name a master on port ${before}, which is none of ours`);
    await master.kill();
    for (
      const deadline = Date.now() + START_TIMEOUT_MS;
      (await this.masterPort()) === before;
      await delay(POLL_MS)
    ) {
      if (Date.now() > deadline) throw new Error('no replica was promoted');
    }
  }

  async stop(): Promise<void> {
    await stopAll([...this.sentinels, ...this.servers]);
  }

  private async masterPort(): Promise<number> {
    const [sentinel] = this.sentinels;
    if (!sentinel) throw new Error('there is no sentinel');
    return withClient(sentinel, async (client) => {
      const [, port] = (await client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', MASTER_NAME)) as string[];
      return Number(port);
    });
  }
}

/**
 * A cluster of three masters on 127.0.0.1, for tests, with replicas for the one that owns a key. None of
 * them outlives this process.
 */
export class PrivateCluster {
  private constructor(
    private readonly servers: readonly PrivateRedis[],
    private readonly owner: PrivateRedis,
    private readonly slot: number,
  ) {}

  /** @param key whose slot's master has the replicas and is killed. */
  static async start(key: string, { replicas = 2 }: TopologyOptions = {}): Promise<PrivateCluster> {
    const started: PrivateRedis[] = [];
    return orStop(started, async () => {
      const start = startInto(started);
      const busPorts = await Promise.all(
        Array.from({ length: CLUSTER_MASTERS + replicas }, () => freePort()),
      );
      const servers = await Promise.all(
        busPorts.map((busPort) =>
          start({
            args: asArguments({
              'cluster-enabled': 'yes',
              'cluster-port': busPort,
              'cluster-config-file': 'nodes.conf',
              'cluster-node-timeout': SILENCE_MS,
              // The other masters have no replicas, and would be given one of these.
              'cluster-allow-replica-migration': 'no',
              // A replica that was cut off for long may take over, too: there is nobody else.
              'cluster-replica-validity-factor': 0,
            }),
          }),
        ),
      );
      const masters = servers.slice(0, CLUSTER_MASTERS);
      const followers = servers.slice(CLUSTER_MASTERS);
      const ids = await Promise.all(
        servers.map((server) => withClient(server, (client) => client.cluster('MYID'))),
      );
      const slot = await withClient(masters[0] as PrivateRedis, (client) => client.cluster('KEYSLOT', key));
      const share = Math.ceil(CLUSTER_SLOTS / CLUSTER_MASTERS);
      const ownerIndex = Math.floor(slot / share);
      const owner = masters[ownerIndex] as PrivateRedis;
      for (const [index, master] of masters.entries()) {
        const last = Math.min((index + 1) * share, CLUSTER_SLOTS) - 1;
        await withClient(master, (client) => client.call('CLUSTER', 'ADDSLOTSRANGE', index * share, last));
      }
      for (const [index, server] of servers.entries()) {
        await withClient(owner, (client) =>
          client.call('CLUSTER', 'MEET', '127.0.0.1', server.port, busPorts[index] ?? 0),
        );
      }
      for (const follower of followers) {
        await until('a replica may follow', follower, async (client) => {
          try {
            return (await client.cluster('REPLICATE', ids[ownerIndex] as string)) === 'OK';
          } catch {
            // Until it has heard of the master.
            return false;
          }
        });
      }
      await untilReplicasAttached(owner, replicas);
      for (const server of servers) {
        await until('the cluster is complete', server, async (client) => {
          const nodes = String(await client.cluster('NODES'));
          return (
            (await client.cluster('INFO')).includes('cluster_state:ok') &&
            nodes.split('\n').filter((line) => line.includes('slave')).length === replicas
          );
        });
      }
      return new PrivateCluster(servers, owner, slot);
    });
  }

  get url(): string {
    return `redis+cluster://${this.servers.map(({ port }) => `127.0.0.1:${port}`).join(',')}`;
  }

  /** Ends the master that owns the key like a power cut. @returns once another server owns it. */
  async killOwner(): Promise<void> {
    await this.owner.kill();
    const witness = this.servers.find((server) => server !== this.owner) as PrivateRedis;
    await until('a replica was promoted', witness, async (client) => {
      if (!(await client.cluster('INFO')).includes('cluster_state:ok')) return false;
      const slots = await client.cluster('SLOTS');
      const [, , master] = slots.find(([from, to]) => from <= this.slot && this.slot <= to) ?? [];
      return master !== undefined && master[1] !== this.owner.port;
    });
  }

  /**
   * Moves the slot of the key to another master, key by key, as resharding does.
   *
   * @param first keys that are moved before all others.
   * @param whenMoved called once they are.
   */
  async moveSlot(first: readonly string[] = [], whenMoved?: () => Promise<void>): Promise<void> {
    const masters = this.servers.slice(0, CLUSTER_MASTERS);
    const target = masters.find((server) => server !== this.owner) as PrivateRedis;
    const [from, to] = await Promise.all(
      [this.owner, target].map((server) => withClient(server, (client) => client.cluster('MYID'))),
    );
    const setSlot = (server: PrivateRedis, ...state: string[]) =>
      withClient(server, (client) => client.call('CLUSTER', 'SETSLOT', this.slot, ...state));
    await setSlot(target, 'IMPORTING', String(from));
    await setSlot(this.owner, 'MIGRATING', String(to));
    await withClient(this.owner, async (client) => {
      const move = (keys: readonly string[]) =>
        client.call('MIGRATE', '127.0.0.1', target.port, '', 0, START_TIMEOUT_MS, 'KEYS', ...keys);
      if (first.length > 0) await move(first);
      await whenMoved?.();
      for (;;) {
        const keys = await client.cluster('GETKEYSINSLOT', this.slot, MOVED_KEYS);
        if (keys.length === 0) return;
        await move(keys);
      }
    });
    // The new owner first, so that no moment has none.
    for (const server of new Set([target, ...masters])) await setSlot(server, 'NODE', String(to));
  }

  async stop(): Promise<void> {
    await stopAll(this.servers);
  }
}

function startInto(started: PrivateRedis[]): (options?: PrivateRedisOptions) => Promise<PrivateRedis> {
  return async (options) => {
    const args = options?.sentinel ? [] : [...NO_SYNC_DELAY, ...(options?.args ?? [])];
    const server = await PrivateRedis.start({ ...options, args });
    started.push(server);
    return server;
  };
}

/** What was started before a failure does not stay. */
async function orStop<T>(started: readonly PrivateRedis[], build: () => Promise<T>): Promise<T> {
  try {
    return await build();
  } catch (error) {
    await stopAll(started);
    throw error;
  }
}

async function stopAll(servers: readonly PrivateRedis[]): Promise<void> {
  await Promise.all(servers.map((server) => server.stop()));
}

function untilReplicasAttached(master: PrivateRedis, replicas: number): Promise<void> {
  return until('the replicas are attached', master, async (client) => {
    const info = await client.info('replication');
    return info.split('state=online').length - 1 === replicas;
  });
}

async function until(
  what: string,
  server: PrivateRedis,
  isSo: (client: Redis) => Promise<boolean>,
): Promise<void> {
  await withClient(server, async (client) => {
    for (const deadline = Date.now() + START_TIMEOUT_MS; !(await isSo(client)); await delay(POLL_MS)) {
      if (Date.now() > deadline) throw new Error(`not within ${START_TIMEOUT_MS} ms: ${what}`);
    }
  });
}

async function withClient<T>(server: PrivateRedis, use: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(server.url);
  try {
    return await use(client);
  } finally {
    client.disconnect();
  }
}

function fieldsOf(reply: unknown): Map<string, string> {
  const flat = reply as string[];
  return new Map(flat.flatMap((name, index) => (index % 2 === 0 ? [[name, flat[index + 1] ?? '']] : [])));
}
