import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Cluster } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PrivateCluster } from '../testing/private-redis-topologies.js';
import { ScriptRunner, loadScripts } from './lua-scripts.js';
import { REDIS_PREFIX } from './redis-connections.js';

interface Scripts {
  raise: { args: 'other'; reply: number };
}

const DECLARED = `${REDIS_PREFIX}:declared`;
const MADE_UP = `${REDIS_PREFIX}:made-up`;
const folder = mkdtempSync(join(tmpdir(), 'lua-scripts-'));
let cluster: PrivateCluster;
let client: Cluster;

beforeAll(async () => {
  writeFileSync(
    join(folder, 'raise.lua'),
    "-- keys: declared\n-- args: other\nreturn redis.call('INCR', other)\n",
  );
  cluster = await PrivateCluster.start(DECLARED, { replicas: 0 });
  const nodes = new URL(cluster.url.replace(/^redis\+cluster:/, 'http:').replace(/,.*/, ''));
  client = new Cluster([{ host: nodes.hostname, port: Number(nodes.port) }], {
    maxRedirections: 3,
    retryDelayOnTryAgain: 10,
  });
});
afterAll(async () => {
  client.disconnect();
  await cluster.stop();
  rmSync(folder, { recursive: true });
});

it('runs no script while a cluster has moved only a part of the keys, so that none works on a part', async () => {
  const scripts = loadScripts<Scripts>(pathToFileURL(`${folder}/`), { raise: 'raise' });
  const runner = new ScriptRunner<Scripts, 'declared'>(client, scripts, { declared: DECLARED });
  await client.set(DECLARED, 'here');
  expect(await runner.run('raise', { other: MADE_UP })).toBe(1);

  await cluster.moveSlot([DECLARED], async () => {
    await expect(runner.run('raise', { other: MADE_UP })).rejects.toThrow('Too many Cluster redirections');
  });
  expect(await runner.run('raise', { other: MADE_UP })).toBe(2);
});
