import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FluentEmulator, generateWebhookKeys } from '../testing/index.js';
import { run } from './run.js';
import { WAIT } from '../../test/support/wait.js';

/** A load looks at its batches half a second apart at least; here the first look finds them finished. */
const DONE_AT_ONCE = { status: () => 'COMPLETE' } as const;

describe('the command line', () => {
  const webhookKeys = generateWebhookKeys();
  let fluent: FluentEmulator;
  let folder: string;

  beforeEach(async () => {
    fluent = await new FluentEmulator({ webhookKeys }).start();
    folder = await mkdtemp(join(tmpdir(), 'cli-'));
  });
  afterEach(async () => {
    await fluent.stop();
    await rm(folder, { recursive: true });
  });

  const file = async (name: string, content: unknown) => {
    const path = join(folder, name);
    await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
    return path;
  };

  async function cli(
    args: string[],
    options: { env?: Record<string, string>; stdin?: string; isTTY?: boolean; signal?: AbortSignal } = {},
  ) {
    // Only what is needed for Fluent: no Redis, no keys of webhooks, nothing of commercetools.
    const { FLUENT_WEBHOOK_PUBLIC_KEYS: _, ...environment } = fluent.environment;
    const stdout = new PassThrough();
    const stderr = Object.assign(new PassThrough(), { isTTY: options.isTTY ?? false });
    const collected = Promise.all([text(stdout), text(stderr)]);
    const code = await run(args, {
      stdin: Readable.from([Buffer.from(options.stdin ?? '')]),
      stdout,
      stderr,
      env: { ...environment, XDG_STATE_HOME: join(folder, 'state'), ...options.env },
      signal: options.signal ?? new AbortController().signal,
    });
    stdout.end();
    stderr.end();
    const [out, error] = await collected;
    return { code, out, error };
  }

  it('explains itself', async () => {
    const { code, out } = await cli(['--help']);
    expect(code).toBe(0);
    expect(out).toMatch(/events.*inventory/s);
    expect(await cli(['events', 'send', '--help'])).toMatchObject({
      code: 0,
      out: expect.stringContaining('--sync'),
    });
    expect((await cli(['--version'])).out).toMatch(/^\d+\.\d+\.\d+/);
  });

  it.each([
    [['events', 'sent'], 'unknown command'],
    [['events', 'send'], "missing required argument 'name'"],
    [['events', 'send', 'OrderCancel', '--orders', 'x'], 'unknown option'],
    [['events', 'send', 'OrderCancel'], 'name what the event is about'],
    [['events', 'list', '--limit', '0'], 'whole number'],
    [['events', 'list', '--from', 'yesterday'], 'ISO 8601'],
    [
      ['events', 'send', 'WavePack', '--order', 'CC_1'],
      'WavePack is about a FULFILMENT; name it with --entity-id and --entity-ref',
    ],
    [['events', 'send', 'ConfirmParcels'], 'ConfirmParcels is about a FULFILMENT'],
    [
      ['events', 'send', 'ParcelLost', '--order', 'CC_1', '--entity-type', 'FULFILMENT'],
      'is about a FULFILMENT',
    ],
    [['events', 'send', 'WavePack', '--entity-id', '9', '--root-entity-id', '8'], 'entityRef is required'],
    [
      ['events', 'send', 'StoreClosed', '--entity-type', 'LOCATION', '--entity-ref', 'S1'],
      'whose workflow takes an event about a LOCATION: --root-entity-type, e.g. LOCATION, or --order',
    ],
    [
      ['events', 'send', 'Ping', '--order', 'CC_1', '--root-entity-type', 'LOCATION'],
      "'--root-entity-type <type>' cannot be used with option '--order <ref>'",
    ],
    [['inventory', 'load', 'stock.xlsx'], 'must end with .csv'],
    [['inventory', 'status'], "missing required argument 'job'"],
    [['inventory', 'load', '/nowhere/stock.csv'], 'cannot be read (ENOENT)'],
    [['events', 'list', '--account', 'OTHER'], 'OTHER is not configured'],
  ])('refuses %j with exit code 2', async (args, message) => {
    expect(await cli(args)).toMatchObject({ code: 2, error: expect.stringContaining(message) });
    expect(fluent.requests.count('rest')).toBe(0);
  });

  it('lists what is missing in the configuration, and only what it needs', async () => {
    const { code, error } = await cli(['events', 'list'], {
      env: { FLUENT_PASSWORD: '', HTTP_CLIENT_TIMEOUT: 'soon', PORT: 'wrong' },
    });
    expect(code).toBe(2);
    expect(error).toContain('2 problems');
    expect(error).toMatch(/FLUENT_PASSWORD is required[\s\S]*HTTP_CLIENT_TIMEOUT must be/);
  });

  it('warns before it sends credentials to another host without TLS, and refuses to with REQUIRE_TLS', async () => {
    const FLUENT_BASE_URL = 'http://nobody.invalid';
    const problem = 'FLUENT_BASE_URL connects to another host without TLS; use https://';
    expect(await cli(['events', 'list'], { env: { FLUENT_BASE_URL } })).toMatchObject({
      code: 1,
      error: expect.stringMatching(`^warning: ${problem}\nerror: `),
    });
    expect(await cli(['events', 'list'], { env: { FLUENT_BASE_URL, REQUIRE_TLS: 'true' } })).toMatchObject({
      code: 2,
      error: expect.stringContaining(`- ${problem}`),
    });
  });

  it('completes the environment from the file of --env-file, before or after the command', async () => {
    const path = await file('fluent.env', 'HTTP_CLIENT_TIMEOUT=soon\n');
    for (const args of [
      ['--env-file', path, 'events', 'list'],
      ['events', 'list', '--env-file', path],
    ]) {
      expect(await cli(args)).toMatchObject({
        code: 2,
        error: expect.stringContaining('HTTP_CLIENT_TIMEOUT must be'),
      });
      expect(await cli(args, { env: { HTTP_CLIENT_TIMEOUT: '2000' } })).toMatchObject({ code: 0 });
    }
    expect(await cli(['--env-file', '/nowhere', 'events', 'list'])).toMatchObject({
      code: 2,
      error: 'error: --env-file /nowhere cannot be read (ENOENT)\n',
    });
  });

  it('reads the file of several accounts, without its commercetools part', async () => {
    const { FLUENT_USERNAME, FLUENT_PASSWORD, FLUENT_CLIENT_ID, FLUENT_CLIENT_SECRET } = fluent.environment;
    const config = await file('connector.yaml', {
      projects: [{ key: 'shop', clientSecretFile: '/nowhere' }],
      accounts: [
        {
          id: 'ACME',
          baseUrl: fluent.url,
          username: FLUENT_USERNAME,
          password: FLUENT_PASSWORD,
          clientId: FLUENT_CLIENT_ID,
          clientSecret: FLUENT_CLIENT_SECRET,
          webhookPublicKeysFile: '/nowhere',
          retailers: [{ id: '1', project: 'gone' }, { id: '2' }],
        },
      ],
    });
    const env = Object.fromEntries(Object.keys(fluent.environment).map((name) => [name, '']));
    const { code, error } = await cli(['events', 'list', '--json'], {
      env: { ...env, CONNECTOR_CONFIG: config },
    });
    expect([code, error]).toEqual([0, 'no event matches\n']);
    const send = await cli(['events', 'send', 'Ping', '--entity-ref', 'X'], {
      env: { ...env, CONNECTOR_CONFIG: config },
    });
    expect(send).toMatchObject({ code: 2, error: expect.stringContaining('has 1, 2; name the retailer') });
  });

  describe('events send', () => {
    it('sends an event about an order, which it looks up by its ref', async () => {
      fluent.addOrder({ ref: 'HD_1', retailerId: '2' });
      const { id } = fluent.addOrder({ ref: 'HD_1', type: 'HD' });
      const attributes = await file('attributes.json', { reason: 'Changed mind' });
      const args = ['events', 'send', 'OrderCancel', '--order', 'HD_1', '--attributes', attributes];
      const { code, out } = await cli(args);
      expect([code, out]).toEqual([0, `OrderCancel: accepted, event ${fluent.events[0]?.id}\n`]);
      expect(fluent.events[0]?.body).toEqual({
        name: 'OrderCancel',
        accountId: 'ACME',
        retailerId: '1',
        entityType: 'ORDER',
        entityId: id,
        entityRef: 'HD_1',
        entitySubtype: 'HD',
        rootEntityType: 'ORDER',
        rootEntityId: id,
        rootEntityRef: 'HD_1',
        attributes: { reason: 'Changed mind' },
      });
    });

    it('sends an event about a fulfilment of an order, its attributes from standard input', async () => {
      const { id } = fluent.addOrder({ ref: 'CC_1', type: 'CC' });
      const args = [
        'events',
        'send',
        'FulfilmentPack',
        '--order',
        'CC_1',
        '--entity-id',
        '9',
        '--entity-ref',
        'F-9',
      ];
      const picked = { productRef: 'P', catalogueRef: 'C', availableQty: 1 };
      const { code, out } = await cli([...args, '--attributes', '-', '--sync', '--json'], {
        stdin: JSON.stringify({ pickedItems: [picked] }),
      });
      expect(code).toBe(0);
      expect(JSON.parse(out)).toEqual({
        name: 'FulfilmentPack',
        mode: 'sync',
        eventId: fluent.events[0]?.id,
        entityId: '9',
        eventStatus: 'COMPLETE',
      });
      expect(fluent.events[0]?.body).toMatchObject({
        entityType: 'FULFILMENT',
        entityRef: 'F-9',
        rootEntityId: id,
        rootEntityRef: 'CC_1',
      });
    });

    it('never sends the id of the order as that of its fulfilment', async () => {
      fluent.addOrder({ ref: 'CC_1', type: 'CC' });
      const picked = { pickedItems: [{ productRef: 'P', catalogueRef: 'C', availableQty: 1 }] };
      const attributes = await file('attributes.json', picked);
      for (const name of ['WavePack', 'FulfilmentPack', 'WaveDispatchInitiated', 'ConfirmParcels']) {
        const args = ['events', 'send', name, '--order', 'CC_1', '--attributes', attributes];
        expect((await cli(args)).code).toBe(2);
        expect((await cli([...args, '--entity-id', '9'])).error).toContain('entityRef is required');
      }
      expect(fluent.events).toEqual([]);
    });

    it('sends events that are not about an order, with the root that is named', async () => {
      const about = ['--entity-type', 'INVENTORY_POSITION', '--entity-ref', 'S1:A'];
      const root = ['--root-entity-type', 'INVENTORY_CATALOGUE', '--root-entity-ref', 'DEFAULT:1'];
      const { code } = await cli([
        'events',
        'send',
        'InventoryChanged',
        ...about,
        ...root,
        '--root-entity-id',
        '3',
      ]);
      expect(code).toBe(0);
      expect(fluent.events[0]?.body).toEqual({
        name: 'InventoryChanged',
        accountId: 'ACME',
        retailerId: '1',
        entityType: 'INVENTORY_POSITION',
        entityRef: 'S1:A',
        rootEntityType: 'INVENTORY_CATALOGUE',
        rootEntityId: '3',
        rootEntityRef: 'DEFAULT:1',
      });
    });

    it('sends events of any name', async () => {
      fluent.addOrder({ ref: 'HD_1' });
      expect((await cli(['events', 'send', 'ParcelLost', '--order', 'HD_1'])).code).toBe(0);
      expect(fluent.events[0]?.body).toMatchObject({
        name: 'ParcelLost',
        entityType: 'ORDER',
        entityRef: 'HD_1',
      });
    });

    it('names every violation, and sends nothing', async () => {
      fluent.addOrder({ ref: 'CC_1', type: 'CC' });
      const attributes = await file('attributes.json', { appeasementAmount: 5 });
      const args = ['events', 'send', 'OrderAppeasement', '--order', 'CC_1', '--attributes', attributes];
      const { code, error } = await cli(args);
      expect(code).toBe(2);
      expect(error).toMatch(/appeasementAmount must be text; .*appeasementReason is required/);
      expect(fluent.events).toEqual([]);
    });

    it('exits with 1 when the order does not exist, or Fluent refuses the event or does not answer', async () => {
      const args = ['events', 'send', 'OrderCancel', '--order', 'HD_1', '--sync'];
      expect(await cli(args)).toMatchObject({ code: 1, error: expect.stringContaining('has no order HD_1') });
      fluent.addOrder({ ref: 'HD_1' });
      fluent.onEvent('OrderCancel', 'NO_MATCH');
      expect(await cli(args)).toMatchObject({ code: 1, error: expect.stringContaining('NO_MATCH') });
      fluent.faults.set({ kind: 'html', operation: 'rest' });
      expect(await cli(args)).toMatchObject({ code: 1, error: expect.stringContaining('HTTP 502') });
    });
  });

  it("escapes control characters in events of Fluent's data", async () => {
    fluent.addOrder({ ref: 'HD_1' });
    await cli(['events', 'send', 'Ping\u001b[31m\u009b2J\u202e', '--order', 'HD_1']);
    const { out } = await cli(['events', 'list']);
    expect(out).toContain(String.raw`Ping\u001b[31m\u009b2J\u202e`);
    const json = (await cli(['events', 'list', '--json'])).out;
    expect(json).toMatch(/^[\x20-\x7e\n]*$/);
    expect(JSON.parse(json)).toMatchObject({ name: 'Ping\u001b[31m\u009b2J\u202e' });
  });
  it('lists events', async () => {
    fluent.addOrder({ ref: 'HD_1' });
    fluent.onEvent('OrderCancel', 'FAILED');
    for (const name of ['OrderCancel', 'Ping', 'Ping'])
      await cli(['events', 'send', name, '--order', 'HD_1']);
    const lines = async (...args: string[]) =>
      (await cli(['events', 'list', ...args])).out.trimEnd().split('\n');
    expect(await lines('--status', 'FAILED')).toEqual([
      expect.stringMatching(/^20\S+ {2}FAILED {5}OrderCancel {2}ORDER HD_1 {2}\S+$/),
    ]);
    expect(await lines('--limit', '2')).toHaveLength(2);
    const json = await lines(
      '--json',
      '--order',
      'HD_1',
      '--from',
      new Date(Date.now() - 60_000).toISOString(),
    );
    expect(json.map((line) => (JSON.parse(line) as { name: string }).name)).toEqual([
      'OrderCancel',
      'Ping',
      'Ping',
    ]);
  });

  describe('inventory load', () => {
    const CSV = '\uFEFFlocationRef,skuRef,qty,correctedQty,uom\r\nS1,A,5,,EA\r\n\r\nS1,"B, blue",0.5,2,\r\n';

    it('loads CSV', async () => {
      const { code, out, error } = await cli(['inventory', 'load', await file('stock.csv', CSV)]);
      expect([code, out]).toEqual([0, '2 of 2 entities loaded in 1 batches (job 1)\n']);
      expect(error).toMatch(/\n?100 %, 1 batches finished, 2 of 2 entities, 0 failed\n$/);
      expect([...fluent.inventory.values()]).toEqual([
        { locationRef: 'S1', skuRef: 'A', qty: 5, uom: 'EA' },
        { locationRef: 'S1', skuRef: 'B, blue', qty: 0.5, correctedQty: 2 },
      ]);
    });

    it.each([
      ['stock.json', (rows: object[]) => JSON.stringify(rows)],
      ['stock.jsonl', (rows: object[]) => rows.map((row) => JSON.stringify(row)).join('\n')],
    ])('loads %s', async (name, write) => {
      fluent.batchRules = DONE_AT_ONCE;
      const rows = [{ locationRef: 'S1', skuRef: 'Ä', qty: 5, attributes: { a: 1 } }];
      const { code, out } = await cli(['inventory', 'load', await file(name, write(rows)), '--json']);
      expect(code).toBe(0);
      expect(JSON.parse(out)).toMatchObject({ entitiesDone: 1, entitiesFailed: 0, jobIds: ['1'] });
      expect([...fluent.inventory.values()]).toEqual(rows);
    });

    it('makes every numeric column a number, and leaves refs and ids as they are written', async () => {
      fluent.batchRules = DONE_AT_ONCE;
      const csv = 'locationRef,skuRef,retailerId,qty,correctedQty,reservedQty\n158,0042,1,10,-2,2\n';
      expect((await cli(['inventory', 'load', await file('stock.csv', csv)])).code).toBe(0);
      expect([...fluent.inventory.values()]).toStrictEqual([
        { locationRef: '158', skuRef: '0042', retailerId: '1', qty: 10, correctedQty: -2, reservedQty: 2 },
      ]);
    });

    it.each(['stock.json', 'stock.jsonl'])(
      'takes numbers that %s writes as text, as the contract does',
      async (name) => {
        fluent.batchRules = DONE_AT_ONCE;
        const row = { locationRef: '158', skuRef: '0042', qty: '10', correctedQty: '2', reservedQty: '2' };
        const content = JSON.stringify(name === 'stock.json' ? [row] : row);
        expect((await cli(['inventory', 'load', await file(name, content)])).code).toBe(0);
        expect([...fluent.inventory.values()]).toStrictEqual([
          { locationRef: '158', skuRef: '0042', qty: 10, correctedQty: 2, reservedQty: 2 },
        ]);
      },
    );

    it('shows a bar on a terminal', async () => {
      fluent.batchRules = DONE_AT_ONCE;
      const { code, error } = await cli(['inventory', 'load', await file('stock.csv', CSV)], { isTTY: true });
      expect(code).toBe(0);
      expect(error).toContain('█');
      expect(error).not.toMatch(/^100 %/m);
    });

    it.each([
      [
        'stock.csv',
        'locationRef,skuRef,qty\nS1,A,five\n,B,1\n',
        /line 2: qty must be a number\n- line 3: locationRef/,
      ],
      [
        'stock.csv',
        'locationRef,skuRef,qty\nS1,A\n',
        /is not CSV: CSV_RECORD_INCONSISTENT_COLUMNS at line 2/,
      ],
      ['stock.csv', 'locationRef,skuRef,qty\n', /holds no entities/],
      ['stock.csv', 'locationRef;skuRef;qty\nS1;A;1\n', /separates its columns with semicolons; save it/],
      ['stock.json', '{}', /must hold a list/],
      ['stock.json', '[{"locationRef":"S1"}]', /skuRef is required, qty is required/],
      [
        'stock.json',
        '[{"locationRef":"S","skuRef":"A","qty":"ten","reservedQty":"0x1","correctedQty":null}]',
        /entity 1: qty must be a number, correctedQty must be a number, reservedQty must be a number/,
      ],
      ['stock.json', '[', /is not JSON/],
      ['stock.jsonl', '{"locationRef":"S1","skuRef":"A","qty":1}\nnothing', /no JSON in line 2/],
    ])('refuses a wrong %s before anything is sent: %j', async (name, content, message) => {
      const { code, error } = await cli(['inventory', 'load', await file(name, content)]);
      expect([code, fluent.jobs.length]).toEqual([2, 0]);
      expect(error).toMatch(message);
    });

    it('ends with 1 and names the entities that Fluent refused', async () => {
      fluent.batchRules = {
        ...DONE_AT_ONCE,
        refuse: ({ skuRef }) => (skuRef === 'A' ? 'unknown SKU' : undefined),
      };
      const { code, out, error } = await cli(['inventory', 'load', await file('stock.csv', CSV)]);
      expect(code).toBe(1);
      expect(error).toContain('entity 1: C0113E unknown SKU');
      expect(out).toContain('1 of 2 entities loaded');
    });

    it('is resumed by the same command after an interruption, and begins anew once it has ended', async () => {
      const rows = Array.from({ length: 5001 }, (_, index) => `S1,SKU-${index},1`);
      const path = await file('stock.csv', ['locationRef,skuRef,qty', ...rows].join('\n'));
      fluent.batchRules = { status: ({ entityCount }) => (entityCount === 1 ? 'RUNNING' : 'COMPLETE') };
      const interrupt = new AbortController();
      const first = cli(['inventory', 'load', path], { signal: interrupt.signal });
      await expect
        .poll(() => fluent.jobs[0]?.batches.map(({ status }) => status).toSorted(), { timeout: 10_000 })
        .toEqual(['COMPLETE', 'RUNNING']);
      await expect
        .poll(async () => (await readdir(join(folder, 'state'), { recursive: true })).length, WAIT)
        .toBeGreaterThan(1);
      interrupt.abort(new Error('interrupted by SIGINT'));
      expect(await first).toMatchObject({
        code: 130,
        error: expect.stringContaining('interrupted by SIGINT'),
      });
      fluent.batchRules = DONE_AT_ONCE;
      expect((await cli(['inventory', 'load', path])).out).toContain(
        '5001 of 5001 entities loaded in 2 batches',
      );
      expect(fluent.jobs[0]?.batches).toHaveLength(2);
      await cli(['inventory', 'load', path]);
      expect(fluent.jobs.map(({ batches }) => batches.length)).toEqual([4]);
    }, 30_000);
  });

  describe('inventory status', () => {
    const CSV = 'locationRef,skuRef,qty\nS1,A,5\nS1,B,6\n';

    it('shows a job with its batches, and a batch with what was refused of it', async () => {
      fluent.batchRules = {
        ...DONE_AT_ONCE,
        refuse: ({ skuRef }) => (skuRef === 'B' ? 'unknown SKU' : undefined),
      };
      await cli(['inventory', 'load', await file('stock.csv', CSV)]);
      const { id: jobId, name, batches } = fluent.jobs[0]!;
      const batchId = batches[0]!.id;
      expect(await cli(['inventory', 'status', jobId])).toEqual({
        code: 0,
        out: `job  ${jobId}  OPEN  ${name}\nbatch  ${batchId}  COMPLETE\n`,
        error: '',
      });
      expect(await cli(['inventory', 'status', jobId, batchId])).toEqual({
        code: 0,
        out: `batch  ${batchId}  COMPLETE  2 of 2 entities, 1 refused\nentity 2 of the batch: C0113E unknown SKU\n`,
        error: '',
      });
      const json = await cli(['inventory', 'status', jobId, batchId, '--json']);
      expect(JSON.parse(json.out)).toEqual({
        jobId,
        batchId,
        status: 'COMPLETE',
        processedEntities: 2,
        totalEntities: 2,
        errors: [{ code: 'C0113E', message: 'unknown SKU', entityIndex: 1 }],
      });
      expect(JSON.parse((await cli(['inventory', 'status', jobId, '--json'])).out)).toEqual({
        jobId,
        name,
        status: 'OPEN',
        batches: [{ batchId, status: 'COMPLETE' }],
      });
    });

    it('ends with 1 when Fluent knows no such job or batch', async () => {
      expect(await cli(['inventory', 'status', '7'])).toMatchObject({
        code: 1,
        error: 'error: Fluent does not know job 7\n',
      });
      expect(await cli(['inventory', 'status', '7', 'b'])).toMatchObject({
        code: 1,
        error: 'error: Fluent does not know batch b of job 7\n',
      });
    });
  });
});
