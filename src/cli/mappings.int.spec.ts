import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { codeBlocksOf } from '../../test/documentation/markdown.js';
import { runCommand } from '../../test/support/command-line.js';
import { COMPLETE_ENVIRONMENT } from '../../test/support/complete-environment.js';
import { FluentEmulator, generateWebhookKeys } from '../testing/index.js';
import { REFERENCE_MAPPINGS } from './mappings/reference-mappings.js';

const ORDER = 'fc.connect.commercetools.order.order-status-mapping';
const PAYMENT = 'fc.connect.commerce-tools.order.payment-status-mapping';
const SHIPPING = 'fc.connect.commerce-tools.order.shipping-status-mapping';
const WEBHOOK = 'fc.connect.order.webhook.order-status-update';

// Each run of a command starts the connector's services.
describe('mappings and setup', { timeout: 60_000 }, () => {
  const webhookKeys = generateWebhookKeys();
  let fluent: FluentEmulator;
  let folder: string;
  let file: string;

  beforeEach(async () => {
    fluent = await new FluentEmulator({ webhookKeys }).start();
    fluent.useReferenceMappings();
    folder = await mkdtemp(join(tmpdir(), 'cli-mappings-'));
    file = join(folder, 'mappings.yaml');
  });
  afterEach(async () => {
    await fluent.stop();
    await rm(folder, { recursive: true });
  });

  const cli = (...args: string[]) =>
    runCommand(args, { env: { ...COMPLETE_ENVIRONMENT, ...fluent.environment } });
  const written = (): number =>
    ['createSetting', 'updateSetting'].reduce((sum, name) => sum + fluent.requests.count(name), 0);

  /** Changes one setting in the file. */
  async function edit(name: string, value: unknown): Promise<void> {
    const content = parse(await readFile(file, 'utf8')) as Record<string, unknown>;
    await writeFile(file, JSON.stringify({ ...content, [name]: value }));
  }

  it('pull writes a file that check accepts and that does not differ from Fluent', async () => {
    expect(await cli('mappings', 'pull', file)).toMatchObject({ code: 0, error: '' });
    const content = parse(await readFile(file, 'utf8')) as Record<string, unknown>;
    expect(Object.keys(content)).toEqual([ORDER, PAYMENT, SHIPPING]);
    expect(content[ORDER]).toMatchObject({ fluent: { BOOKED: 'Confirmed' } });
    // Neither Fluent nor credentials.
    expect(await runCommand(['mappings', 'check', file])).toMatchObject({
      code: 0,
      out: expect.stringContaining('pass 3 mappings are valid'),
    });
    expect(await cli('mappings', 'diff', file)).toMatchObject({
      code: 0,
      out: 'Fluent has the mappings of the file\n',
    });
    expect((await cli('mappings', 'pull', '-')).out).toBe(await readFile(file, 'utf8'));
  });

  it('push shows the difference, needs --yes, and writes only what differs', async () => {
    await cli('mappings', 'pull', file);
    await edit(PAYMENT, { fluent: { RECEIVED: 'Pending', BOOKED: 'Paid', COMPLETE: 'Paid' }, note: 'kept' });
    const diff = await cli('mappings', 'diff', file);
    expect(diff.code).toBe(1);
    expect(diff.out).toMatch(/^update .*payment-status-mapping \(RETAILER 1\)$/m);
    expect(diff.out).toMatch(/^ {2}~ +RECEIVED +pending +Pending$/m);
    expect(diff.out).toMatch(/^ {2}- +PENDING_PAYMENT +pending$/m);
    expect(diff.out).toMatch(/^ {2}\+ +COMPLETE +Paid$/m);

    const preview = await cli('mappings', 'push', file);
    expect(preview).toMatchObject({
      code: 0,
      out: expect.stringContaining('nothing was written; add --yes'),
    });
    expect(written()).toBe(0);
    const push = await cli('mappings', 'push', file, '--yes');
    expect(push).toMatchObject({ code: 0, out: expect.stringContaining('written: 1') });
    expect(fluent.requests.count('updateSetting')).toBe(1);
    expect(written()).toBe(1);
    expect(await cli('mappings', 'diff', file)).toMatchObject({ code: 0 });
    await cli('mappings', 'pull', file);
    expect(parse(await readFile(file, 'utf8'))).toMatchObject({ [PAYMENT]: { note: 'kept' } });
  });

  it('push refuses a file with an invalid mapping, and writes nothing of it', async () => {
    await cli('mappings', 'pull', file);
    await edit(ORDER, { fluent: { BOOKED: 'Complete' } });
    await edit(SHIPPING, { fluent: { BOOKED: 'Sent' } });
    const { code, error } = await cli('mappings', 'push', file, '--yes');
    expect(code).toBe(2);
    expect(error).toMatch(/is not valid, so nothing was written:\n- .*maps the status BOOKED to "Sent"/);
    expect(written()).toBe(0);
  });

  it('check lists every problem, and gaps with --strict', async () => {
    await writeFile(
      file,
      JSON.stringify({ [ORDER]: { fluent: { BOOKED: 'Booked' } }, [PAYMENT]: 'x', other: {} }),
    );
    const { code, out } = await runCommand(['mappings', 'check', file, '--json']);
    expect(code).toBe(1);
    expect((JSON.parse(out) as { problems: string[] }).problems).toEqual([
      expect.stringContaining('maps the status BOOKED to "Booked"'),
      expect.stringContaining('is not a valid payment status mapping'),
      expect.stringContaining(`it has no shipping mapping: add ${SHIPPING}`),
      expect.stringContaining('other is not a mapping setting'),
    ]);
    await cli('mappings', 'pull', file);
    expect((await runCommand(['mappings', 'check', file])).out).toContain(
      'WARN the payment mapping has no entry for',
    );
    expect((await runCommand(['mappings', 'check', file, '--strict'])).code).toBe(1);
    expect(await runCommand(['mappings', 'check', join(folder, 'nowhere')])).toMatchObject({ code: 2 });
  });

  it('push overrides a setting of the account for one retailer, or changes it for all', async () => {
    const account = { name: SHIPPING, context: 'ACCOUNT', lobValue: { fluent: { COMPLETE: 'Shipped' } } };
    fluent.removeSetting(SHIPPING);
    fluent.setSetting(account);
    await cli('mappings', 'pull', file);
    expect((await cli('mappings', 'diff', file)).code).toBe(0);
    await edit(SHIPPING, { fluent: { COMPLETE: 'Delivered' } });
    const diff = await cli('mappings', 'diff', file);
    expect(diff.out).toContain(`create ${SHIPPING} (RETAILER 1, in place of ${SHIPPING} (ACCOUNT))`);
    await cli('mappings', 'push', file, '--yes', '--context', 'ACCOUNT');
    expect(fluent.requests.count('updateSetting')).toBe(1);
    expect((await cli('mappings', 'diff', file)).code).toBe(0);
  });

  it('setup creates what is missing with --yes only, leaves the rest, and prints the rule', async () => {
    fluent.removeSetting(PAYMENT);
    const preview = await cli('setup', '--webhook-url', 'https://connector.example.com/hook');
    expect(preview.out).toMatch(/order-status-mapping +exists \(RETAILER 1\)/);
    expect(preview.out).toMatch(/payment-status-mapping +would be created/);
    expect(preview.out).toMatch(/order-status-update +would be created/);
    expect(written()).toBe(0);

    const setup = await cli('setup', '--webhook-url', 'https://connector.example.com/hook', '--yes');
    expect(setup.code).toBe(0);
    expect(setup.out).toContain(`"setting": "${WEBHOOK}"`);
    expect(fluent.requests.count('createSetting')).toBe(2);
    const again = await cli('setup', '--yes', '--json');
    expect(JSON.parse(again.out)).toMatchObject({
      created: 0,
      settings: [ORDER, PAYMENT, SHIPPING, WEBHOOK].map((name) => ({
        name,
        state: 'exists',
        context: 'RETAILER',
      })),
    });
    await cli('mappings', 'pull', file);
    expect(parse(await readFile(file, 'utf8'))).toMatchObject({ [PAYMENT]: REFERENCE_MAPPINGS.payment });
  });

  it('setup needs the address for the setting of the rule', async () => {
    const { out } = await cli('setup', '--yes');
    expect(out).toMatch(/order-status-update +needs --webhook-url/);
    expect(await cli('setup', '--webhook-url', 'connector')).toMatchObject({ code: 2 });
    expect(written()).toBe(0);
  });

  it('setup prints the rule and creates the mappings that docs/fluent-setup.md shows', async () => {
    const [settings, rule] = codeBlocksOf('docs/fluent-setup.md', 'json').map(
      (code) => JSON.parse(code) as unknown,
    ) as [{ variables: Record<string, { lobValue: unknown }> }, unknown];
    for (const kind of ['order', 'payment', 'shipping'] as const) {
      expect(settings.variables[kind]?.lobValue).toEqual(REFERENCE_MAPPINGS[kind]);
    }
    const { out } = await cli('setup', '--json');
    expect((JSON.parse(out) as { rule: unknown }).rule).toEqual(rule);
  });

  it('says that Fluent refuses the change', async () => {
    await cli('mappings', 'pull', file);
    await edit(ORDER, { fluent: { BOOKED: 'Complete' } });
    fluent.faults.set({ kind: 'forbidden', operation: 'updateSetting' });
    expect(await cli('mappings', 'push', file, '--yes')).toMatchObject({
      code: 2,
      error: expect.stringMatching(/UpdateSetting was answered with HTTP 403.*permission/),
    });
  });
});
