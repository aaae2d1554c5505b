import { readFileSync } from 'node:fs';
import { Injectable } from '@nestjs/common';
import { describe, expect, vi } from 'vitest';
import { OrderStatusHook, type OrderStatusHookContract, type OrderUpdateAction } from '../src/index.js';
import { PACKAGE_NAME } from '../src/package-info.js';
import { REFERENCE_MAPPINGS } from '../src/testing/index.js';
import { runCommand } from './support/command-line.js';
import { createIt } from './support/harness.js';
import { WAIT } from './support/wait.js';

const ORDER_MAPPING = 'fc.connect.commercetools.order.order-status-mapping';
/** The sections of docs/operations.md by their titles. */
const SECTIONS = new Map(
  readFileSync('docs/operations.md', 'utf8')
    .split(/^#{2,3} /m)
    .map((section) => [section.split('\n', 1)[0] ?? '', section]),
);
const ADMIN_TOKEN = 'a-token-of-this-spec';

const it = createIt();
it.override('redisOptions', { aof: true });
it.override('environment', { RECHECK_DELAY: '100' });

/** Needs a custom type that the project lacks at first. */
@OrderStatusHook()
@Injectable()
class GiftHook implements OrderStatusHookContract {
  actions(): OrderUpdateAction[] {
    return [{ setCustomType: { type: { typeId: 'type', key: 'gifts' } } }];
  }
}

/** @returns the commands of a section, each as its words. */
function commandsOf(title: string): string[][] {
  const blocks = [...(SECTIONS.get(title) ?? '').matchAll(/^ *```sh\n(.*?)^ *```$/gms)];
  return blocks.flatMap(([, text = '']) =>
    text
      .replaceAll(/\\\n/g, ' ')
      .split('\n')
      .map((line) =>
        [...line.matchAll(/'[^']*'|"[^"]*"|\S+/g)].map(([word]) => word.replaceAll(/^['"]|['"]$/g, '')),
      )
      .filter((words) => words.length > 0),
  );
}

/** The runbooks whose commands the tests below execute. */
const EXECUTED = [
  'Dead letters',
  'Why does the shop show another state?',
  'A hook stops orders',
  'Redis is lost',
  'A wrong mapping was deployed',
];

/** @returns the commands of the connector's command line, each as its arguments. */
function operatorCommandsOf(title: string): string[][] {
  return commandsOf(title)
    .filter(([program]) => program === PACKAGE_NAME)
    .map(([, ...args]) => args);
}

/** Runs a command of the documentation, with other values in place of the examples'. */
async function operate(
  { url }: { readonly url: string },
  command: readonly string[] | undefined,
  values: Readonly<Record<string, string>> = {},
): Promise<Record<string, unknown>> {
  const args = [...(command ?? []), '--json'];
  for (const [option, value] of Object.entries({ '--url': url, ...values })) {
    expect(args, `${args.join(' ')} has ${option}`).toContain(option);
    args[args.indexOf(option) + 1] = value;
  }
  const { code, out, error } = await runCommand(args, { env: { ADMIN_TOKEN } });
  expect(code, error).toBe(0);
  return JSON.parse(out) as Record<string, unknown>;
}

describe('what docs/operations.md tells operators to do', { timeout: 120_000 }, () => {
  it('is executed by the tests of this file, and consists of commands of the connector', () => {
    const titles = [...SECTIONS.keys()].filter((title) => commandsOf(title).length > 0);
    expect(titles).toEqual(EXECUTED);
    const programs = new Set(titles.flatMap((title) => commandsOf(title).map(([program]) => program)));
    expect(programs).toEqual(new Set(['kubectl', PACKAGE_NAME]));
    const text = [...SECTIONS.values()].join('');
    expect(text).not.toMatch(/redis-cli|node --eval|node -e/);
  });

  it('lists dead letters with their errors, and replays them', async ({ harness }) => {
    const { fluent, commercetools } = harness;
    const connector = await harness.startInProcess({ ORDER_NOT_FOUND_MAX_AGE: '0', ADMIN_TOKEN });
    await fluent.walk(fluent.addOrder({ ref: 'O_1' }).id, ['BOOKED']);
    await vi.waitFor(async () => expect(await connector.metric('queue_jobs', 'state="dead"')).toBe(1), WAIT);
    const [list, preview, replay] = operatorCommandsOf('Dead letters');
    const { deadLetters } = (await operate(connector, list)) as { deadLetters: { cause: string }[] };
    expect(deadLetters).toEqual([expect.objectContaining({ cause: expect.any(String) })]);
    expect(JSON.stringify(deadLetters)).toContain('O_1');
    const values = { '--cause': deadLetters[0]?.cause ?? '' };

    commercetools.addOrder({ orderNumber: 'O_1' });
    expect(await operate(connector, preview, values)).toMatchObject({ matched: 1, replayed: 0 });
    expect(await operate(connector, replay, values)).toMatchObject({ matched: 1, replayed: 1 });
    await harness.expectAgreement('O_1', 'BOOKED');
    expect(await operate(connector, list)).toMatchObject({ deadLetters: [] });
  });

  it('explains why the shop shows another state', async ({ harness }) => {
    const id = harness.addOrder('O_123');
    harness.fluent.setStatus(id, 'BOOKED');
    const connector = await harness.startInProcess({ ADMIN_TOKEN });
    const [order] = operatorCommandsOf('Why does the shop show another state?');
    expect(await operate(connector, order)).toMatchObject({
      verdict: expect.stringContaining('should be Confirmed'),
    });
  });

  it('finds the hook that stops an order, and the order goes on when its cause is removed', async ({
    startTestConnector,
  }) => {
    const env = { ADMIN_TOKEN, RETRY_MAX_AGE: '0' };
    const connector = await startTestConnector({ env, providers: [GiftHook] });
    connector.commercetools.addType({ key: 'others', fields: { other: 'String' } });
    const { fluent, commercetools } = connector.addOrder({ ref: 'O_123' });
    await connector.fluent.move(fluent.id, 'BOOKED');
    await connector.waitForRun({ outcome: 'dead' });
    const [order, doctor, sync, replay] = operatorCommandsOf('A hook stops orders');
    expect(await operate(connector, order)).toMatchObject({
      verdict: expect.stringMatching(
        /failed for good: hook GiftHook: commercetools refuses its update actions/,
      ),
      now: { hooks: [{ hook: 'GiftHook', actions: ['setCustomType'] }] },
    });
    expect(await operate(connector, doctor)).toMatchObject({
      findings: expect.arrayContaining([
        expect.objectContaining({
          check: 'order',
          status: 'warn',
          details: expect.arrayContaining(['GiftHook adds setCustomType']),
        }),
      ]),
    });

    connector.commercetools.addType({ key: 'gifts', fields: { gift: 'String' } });
    expect(await operate(connector, sync)).toMatchObject({ outcome: 'updated' });
    expect(commercetools.orderState).toBe('Confirmed');
    expect(await operate(connector, replay)).toMatchObject({ matched: 1, replayed: 1 });
  });

  it('finds every order again when Redis has lost its data', async ({ harness, redis }) => {
    const ingress = await harness.startInProcess({ CONNECTOR_ROLE: 'ingress' });
    await harness.fluent.walk(harness.addOrder('O_1'), ['BOOKED']);
    expect(await ingress.metric('queue_jobs', 'state="waiting"')).toBe(1);
    await redis.flush();
    await ingress.stop();

    const connector = await harness.startInProcess({ ADMIN_TOKEN });
    const [reconcile, list] = operatorCommandsOf('Redis is lost');
    const from = new Date(Date.now() - 3_600_000).toISOString();
    expect(await operate(connector, reconcile, { '--from': from })).toMatchObject({ state: 'finished' });
    expect(await operate(connector, list)).toMatchObject({ backfills: [{ state: 'finished' }] });
    await harness.expectAgreement('O_1', 'BOOKED');
  });

  it('maps every order again after a wrong mapping was deployed', async ({ harness }) => {
    const { fluent, commercetools } = harness;
    const right = REFERENCE_MAPPINGS[ORDER_MAPPING];
    const setting = { name: ORDER_MAPPING, valueType: 'JSON', context: 'RETAILER', contextId: 1 } as const;
    fluent.setSetting({ ...setting, lobValue: { fluent: { ...right.fluent, BOOKED: 'Cancelled' } } });
    // Reconciliation has seen the update, too, and does not look again by itself.
    const connector = await harness.startInProcess({ ADMIN_TOKEN, RECONCILE_INTERVAL: '1' });
    await fluent.walk(harness.addOrder('O_1'), ['BOOKED']);
    await vi.waitFor(() => expect(commercetools.order('O_1')?.orderState).toBe('Cancelled'), WAIT);

    const [pause, refresh, resume, reconcile] = operatorCommandsOf('A wrong mapping was deployed');
    expect(await operate(connector, pause)).toMatchObject({ pause: { reason: 'wrong mapping' } });
    fluent.setSetting({ ...setting, lobValue: right });
    await operate(connector, refresh);
    expect(await operate(connector, resume)).not.toHaveProperty('pause');
    const from = new Date(Date.now() - 3_600_000).toISOString();
    expect(await operate(connector, reconcile, { '--from': from })).toMatchObject({ state: 'finished' });
    await harness.expectAgreement('O_1', 'BOOKED');
  });
});
