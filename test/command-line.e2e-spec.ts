import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { describe, expect } from 'vitest';
import { ConnectorConfig } from '../src/config/index.js';
import type { TestConnector } from '../src/testing/index.js';
import { freePort } from '../src/testing/free-port.js';
import { ADMIN_TOKEN } from './support/admin-client.js';
import { BASE_ENVIRONMENT, buildPath } from './support/build-path.js';
import { CHECKS_OF_DOCTOR } from './support/checks-of-doctor.js';
import { type CommandResult, runBinary, runCommand } from './support/command-line.js';
import { it as base } from './support/harness.js';

const it = base.extend('folder', async ({}, { onCleanup }) => {
  const folder = await mkdtemp(join(tmpdir(), 'connector-command-line-'));
  onCleanup(() => rm(folder, { recursive: true }));
  return folder;
});

/** The environment in which the command finds what the connector finds. */
function environmentOf({ app, fluent, commercetools }: TestConnector): Record<string, string> {
  const { redis } = app.get(ConnectorConfig).queue;
  const REDIS_URL = redis?.topology === 'single' ? redis.url : '';
  return { ...fluent.environment, ...commercetools.environment, REDIS_URL };
}

/** Runs a command against the admin API of a running connector. */
function atUrl(connector: TestConnector, ...args: string[]): Promise<CommandResult> {
  return runCommand([...args, '--url', connector.url], { env: { ADMIN_TOKEN } });
}

/** Runs a command with the connector's configuration. */
function direct(connector: TestConnector, ...args: string[]): Promise<CommandResult> {
  return runCommand(args, { env: environmentOf(connector) });
}

/** Runs the built command, as a process, with the connector's configuration. */
function directBinary(connector: TestConnector, ...args: string[]): Promise<CommandResult> {
  return runBinary(args, environmentOf(connector));
}

/** Webhooks of orders that commercetools does not have, until they are dead letters. */
async function makeLetters(connector: TestConnector, refs: readonly string[]): Promise<void> {
  for (const ref of refs) {
    await connector.fluent.notify(connector.fluent.addOrder({ ref }).id);
    await connector.settled();
  }
}

/** What a partner's module imports. */
const PACKAGE = pathToFileURL(buildPath('index.js')).href;

const options = { env: { ADMIN_TOKEN, ORDER_NOT_FOUND_MAX_AGE: '0' } };

it('ends without an error when its reader has seen enough', async () => {
  const command = spawn(process.execPath, [buildPath('cli/main.js'), '--help'], { env: BASE_ENVIRONMENT });
  command.stdout.destroy();
  const ended = once(command, 'close');
  expect(await text(command.stderr)).toBe('');
  expect(await ended).toEqual([0, null]);
});

describe('order and sync', { timeout: 180_000 }, () => {
  it('tell the story of an order, show what a sync would send, and send it', async ({
    startTestConnector,
  }) => {
    const connector = await startTestConnector(options);
    const { fluent, commercetools } = connector.addOrder({ ref: 'O_1' });
    await connector.fluent.move(fluent.id, 'BOOKED');
    await connector.settled();
    connector.fluent.setStatus(fluent.id, 'CANCELLED');

    const order = await atUrl(connector, 'order', 'O_1');
    expect(order).toMatchObject({ code: 0, error: '' });
    expect(order.out).toContain("commercetools differs from Fluent's status CANCELLED");
    expect(order.out).toMatch(/^orderState +Confirmed +Cancelled$/m);
    expect(order.out).toMatch(/webhook +BOOKED +updated/);

    const preview = await atUrl(connector, 'sync', 'O_1', '--dry-run');
    expect(preview.out).toMatch(/^sync of O_1 would end updated/);
    expect(commercetools.orderState).toBe('Confirmed');

    const sync = await atUrl(connector, 'sync', 'O_1', '--json', '--reason', 'customer called');
    expect(JSON.parse(sync.out)).toMatchObject({ outcome: 'updated', dryRun: false });
    expect(commercetools.orderState).toBe('Cancelled');
  });

  it('work with the configuration alone, and print nothing but the result to stdout', async ({
    startTestConnector,
  }) => {
    const connector = await startTestConnector(options);
    const { fluent, commercetools } = connector.addOrder({ ref: 'O_1' });
    await connector.fluent.move(fluent.id, 'BOOKED');
    await connector.settled();
    connector.fluent.setStatus(fluent.id, 'CANCELLED');
    const order = await directBinary(connector, 'order', 'O_1', '--json');
    expect(JSON.parse(order.out)).toMatchObject({
      ref: 'O_1',
      now: { fluent: { status: 'CANCELLED' } },
      story: { notifications: [{ announced: 'BOOKED', outcome: 'updated' }] },
    });
    const sync = await directBinary(connector, 'sync', 'O_1', '--json');
    expect(JSON.parse(sync.out)).toMatchObject({ outcome: 'updated' });
    // The audit lines.
    expect(sync.error).toContain('"actor":"command-line","operation":"syncOrder"');
    expect(commercetools.orderState).toBe('Cancelled');
  });

  it('exit with 1 for an order that does not exist', async ({ startTestConnector }) => {
    const connector = await startTestConnector(options);
    const order = await atUrl(connector, 'order', 'O_9');
    expect(order).toMatchObject({
      code: 1,
      out: expect.stringContaining('Fluent has no order with the ref O_9'),
    });
    const sync = await atUrl(connector, 'sync', 'O_9');
    expect(sync).toMatchObject({ code: 1, error: expect.stringContaining('error: Fluent has no order O_9') });
  });
});

describe('dead-letters', { timeout: 180_000 }, () => {
  it('lists by filter, shows, previews, replays and discards', async ({ startTestConnector }) => {
    const connector = await startTestConnector(options);
    await makeLetters(connector, ['O_1', 'O_2', 'O_3']);
    const dead = async (): Promise<number> => (await connector.queue.counts()).dead;

    const list = await atUrl(connector, 'dead-letters', 'list');
    expect(list.out).toMatch(/O_3 .*data .*\n.*O_2 .*\n.*O_1 .*\nshown: 3 of 3 dead letters/);
    const one = await atUrl(connector, 'dead-letters', 'list', '--order', 'O_2', '--json');
    const { deadLetters } = JSON.parse(one.out) as { deadLetters: { id: string }[] };
    expect(deadLetters).toHaveLength(1);
    const id = deadLetters[0]?.id ?? '';
    expect(await atUrl(connector, 'dead-letters', 'show', id)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/what to do +correct the order/),
    });

    const runs = connector.runs.length;
    const preview = await atUrl(connector, 'dead-letters', 'replay', '--cause', 'data');
    expect(preview.out).toContain('matching dead letters: 3; add --yes to replay them');
    const refused = await atUrl(connector, 'dead-letters', 'replay', '--yes');
    expect(refused).toMatchObject({ code: 2, error: expect.stringContaining('name one id, or a filter') });
    const kept = await atUrl(connector, 'dead-letters', 'discard', id, '--reason', 'nobody needs it');
    expect(kept.out).toContain(`would discard ${id}`);
    await connector.settled();
    expect(await dead()).toBe(3);
    // A letter that was replayed would run, and be dead again.
    expect(connector.runs).toHaveLength(runs);

    const discarded = await atUrl(
      connector,
      'dead-letters',
      'discard',
      id,
      '--reason',
      'nobody needs it',
      '--yes',
    );
    expect(discarded.out).toBe(`discarded ${id}\n`);
    expect(await dead()).toBe(2);
    for (const ref of ['O_1', 'O_3']) connector.commercetools.addOrder({ orderNumber: ref });
    const replayed = await atUrl(connector, 'dead-letters', 'replay', '--cause', 'data', '--yes');
    expect(replayed.out).toContain('replayed: 2 of 2 dead letters');
    await connector.settled();
    expect(await dead()).toBe(0);
  });
});

describe('--url', () => {
  it('takes the token from a file, and never shows it', async ({ startTestConnector, folder }) => {
    const connector = await startTestConnector(options);
    const file = join(folder, 'token');
    await writeFile(file, `${ADMIN_TOKEN}\n`);
    const args = ['dead-letters', 'list', '--url', connector.url];
    expect(await runBinary([...args, '--token-file', file], {})).toMatchObject({ code: 0 });
    await writeFile(file, 'a-token-that-nobody-knows');
    const wrong = await runCommand([...args, '--token-file', file]);
    expect(wrong).toMatchObject({ code: 1, error: expect.stringContaining('does not know the token') });
    expect(wrong.out + wrong.error).not.toContain('a-token-that-nobody-knows');
    expect(await runCommand(args)).toMatchObject({
      code: 2,
      error: expect.stringContaining('--url needs the admin token'),
    });
  });

  it('says when the connector has no admin API, or does not answer', async ({ startTestConnector }) => {
    const connector = await startTestConnector();
    expect(await atUrl(connector, 'order', 'O_1')).toMatchObject({
      code: 1,
      error: expect.stringContaining('has no admin API at --url; set ADMIN_TOKEN there'),
    });
    const url = `http://127.0.0.1:${await freePort()}`;
    expect(await runCommand(['order', 'O_1', '--url', url], { env: { ADMIN_TOKEN } })).toMatchObject({
      code: 1,
      error: expect.stringMatching(/cannot be reached: connect ECONNREFUSED .*; check --url/),
    });
  });
});

describe('doctor', { timeout: 180_000 }, () => {
  it('checks everything, compares an order, and processes no notification', async ({
    startTestConnector,
  }) => {
    const connector = await startTestConnector({ env: { ...options.env, CONNECTOR_ROLE: 'ingress' } });
    const { fluent, commercetools } = connector.addOrder({ ref: 'O_1' });
    await connector.fluent.move(fluent.id, 'BOOKED');
    const { code, out } = await direct(connector, 'doctor', '--order', 'O_1', '--json');
    expect(code).toBe(0);
    const { findings } = JSON.parse(out) as {
      findings: { check: string; subject: string; status: string }[];
    };
    expect([...new Set(findings.map(({ check }) => check))]).toEqual([...CHECKS_OF_DOCTOR, 'order']);
    expect(findings).toContainEqual(
      expect.objectContaining({
        subject: 'order O_1',
        status: 'warn',
        message: expect.stringContaining('orderState is Open and should be Confirmed'),
      }),
    );
    expect(findings).toContainEqual(
      expect.objectContaining({ subject: 'queue', message: expect.stringContaining('1 unfinished') }),
    );
    expect((await connector.queue.counts()).waiting).toBe(1);
    expect(commercetools.orderState).toBe('Open');
  });

  it('warns of dead letters', async ({ startTestConnector }) => {
    const connector = await startTestConnector(options);
    await makeLetters(connector, ['O_1']);
    const { out } = await direct(connector, 'doctor', '--only', 'queue');
    expect(out).toMatch(/^WARN dead letters: 1\n +> run `dead-letters list`/m);
  });

  it("uses the overrides of a partner's module", async ({ startTestConnector, folder }) => {
    const connector = await startTestConnector(options);
    connector.addOrder({ ref: 'O_1', status: 'BOOKED' });
    const file = join(folder, 'app.module.mjs');
    await writeFile(
      file,
      `import { ConnectorModule, StatusMapper } from '${PACKAGE}';
       class WarehouseMapper { map() { return { orderState: 'Complete' }; } }
       export default ConnectorModule.register({ overrides: [{ provide: StatusMapper, useClass: WarehouseMapper }] });`,
    );
    const doctor = await directBinary(connector, 'doctor', '--only', 'mappings', '--module', file);
    expect(doctor.out).toContain('WarehouseMapper maps in place of the default');
    const environment = { ...environmentOf(connector), CONNECTOR_MODULE: file };
    const order = await runBinary(['order', 'O_1'], environment);
    expect(order.out).toContain('orderState is Open and should be Complete');
    // By then the services have connected to Redis.
    await writeFile(
      file,
      `import { ConnectorModule, MessageQueue, StatusMapper } from '${PACKAGE}';
       const useFactory = () => { throw new Error('the warehouse does not answer'); };
       const overrides = [{ provide: StatusMapper, inject: [MessageQueue], useFactory }];
       export default ConnectorModule.register({ overrides });`,
    );
    const broken = await directBinary(connector, 'doctor', '--module', file);
    expect(broken).toMatchObject({ code: 1, error: 'error: the warehouse does not answer\n' });
    const missing = await directBinary(connector, 'doctor', '--module', join(folder, 'nowhere.mjs'));
    expect(missing).toMatchObject({
      code: 2,
      error: expect.stringContaining('nowhere.mjs cannot be loaded'),
    });
  });
});

describe('reconcile', () => {
  it('syncs the orders of a range again, and shows the progress', async ({ startTestConnector }) => {
    const connector = await startTestConnector(options);
    const orders = ['O_1', 'O_2'].map((ref) => connector.addOrder({ ref, status: 'BOOKED' }));
    const from = new Date(Date.now() - 3_600_000).toISOString();
    const { code, out, error } = await atUrl(
      connector,
      'reconcile',
      '--from',
      from,
      '--reason',
      'lost webhooks',
    );
    expect(code).toBe(0);
    expect(out).toMatch(/finished .* ACME +2 +2$/m);
    expect(error).toMatch(/^100 %, 2 orders submitted$/m);
    await connector.settled();
    expect(orders.map(({ commercetools }) => commercetools.orderState)).toEqual(['Confirmed', 'Confirmed']);

    const list = await atUrl(connector, 'reconcile', '--list', '--json');
    const { backfills } = JSON.parse(list.out) as { backfills: { id: string; state: string }[] };
    expect(backfills).toEqual([expect.objectContaining({ state: 'finished', requestedBy: 'admin' })]);
    const followed = await atUrl(connector, 'reconcile', '--follow', backfills[0]?.id ?? '', '--json');
    expect(JSON.parse(followed.out)).toEqual(backfills[0]);

    const onTerminal = await runCommand(
      ['reconcile', '--follow', backfills[0]?.id ?? '', '--url', connector.url],
      { env: { ADMIN_TOKEN }, isTTY: true },
    );
    expect(onTerminal.code).toBe(0);
    expect(onTerminal.error).toMatch(/█+ 100% \| \d+ orders submitted/);
  });

  it('refuses a range that nobody can mean', async ({ startTestConnector }) => {
    const connector = await startTestConnector(options);
    const future = await atUrl(connector, 'reconcile', '--from', '2100-01-01');
    expect(future).toMatchObject({ code: 1, error: expect.stringContaining('from must be before') });
    expect(await atUrl(connector, 'reconcile', '--from', 'yesterday')).toMatchObject({ code: 2 });
    expect(await atUrl(connector, 'reconcile')).toMatchObject({
      code: 2,
      error: expect.stringContaining('give one of --from, --follow, --cancel and --list'),
    });
  });
});

describe('accounts', () => {
  it('pauses an account, shows who and why, and resumes it', async ({ startTestConnector }) => {
    const connector = await startTestConnector(options);
    const { fluent, commercetools } = connector.addOrder({ ref: 'O_1' });
    const pause = await atUrl(connector, 'accounts', 'pause', 'ACME', '--reason', 'wrong mapping');
    expect(pause).toMatchObject({
      code: 0,
      out: expect.stringMatching(/ACME +paused by admin since .*: wrong mapping/),
    });
    await connector.fluent.move(fluent.id, 'BOOKED');
    // With the configuration alone.
    const list = await direct(connector, 'accounts', 'list', '--json');
    expect(list).toMatchObject({ code: 0 });
    expect(JSON.parse(list.out)).toMatchObject({
      accounts: [{ account: 'ACME', pause: { by: 'admin', reason: 'wrong mapping' }, lanes: { waiting: 1 } }],
    });
    expect(commercetools.orderState).toBe('Open');

    const resume = await atUrl(connector, 'accounts', 'resume', 'ACME');
    expect(resume).toMatchObject({ code: 0, out: expect.stringMatching(/ACME +on /) });
    await connector.settled();
    expect(commercetools.orderState).toBe('Confirmed');
    expect(await atUrl(connector, 'accounts', 'pause', 'ACME')).toMatchObject({
      code: 2,
      error: expect.stringContaining('--reason'),
    });
    expect(await atUrl(connector, 'accounts', 'pause', 'OTHER', '--reason', 'a test')).toMatchObject({
      code: 1,
      error: expect.stringContaining('configured are ACME'),
    });
  });
});
