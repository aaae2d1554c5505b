import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Variables } from '../../src/config/variables.js';
import { settingNames } from '../../src/mapping/mapping-setting.js';
import { FluentEmulator } from '../../src/testing/index.js';
import { REFERENCE_MAPPINGS } from '../../src/testing/fluent/reference-data.js';
import { EmulatorSession } from '../support/emulator-session.js';
import { codeBlocksOf } from './markdown.js';

const PAGE = 'docs/fluent-setup.md';
const [settings, newRule, oldRule, ruleset] = codeBlocksOf(PAGE, 'json').map((code) => JSON.parse(code)) as [
  { query: string; variables: Record<string, { name: string; lobValue: Record<string, string> }> },
  ...{ name: string; props: Record<string, string>; rules: unknown[] }[],
];
const defaults = new Variables();
const webhook = settings.variables['webhook']!;

describe('the Fluent side in docs/fluent-setup.md', () => {
  let fluent: FluentEmulator;
  let created: { name: string; context: string; contextId: number; valueType: string; lobValue: unknown }[];
  beforeAll(async () => {
    fluent = await new FluentEmulator().start();
    const session = EmulatorSession.forFluent(fluent);
    const { json } = await session.graphql(settings.query, settings.variables);
    expect(json.errors).toBeUndefined();
    const read = await session.graphql(
      '{ settings(first: 50) { edges { node { name context contextId valueType lobValue } } } }',
    );
    created = read.json.data.settings.edges.map(({ node }: { node: unknown }) => node);
  });
  afterAll(() => fluent.stop());

  it('creates its settings with one request', () => {
    expect(
      created.map(({ name, context, contextId, valueType }) => [name, context, contextId, valueType]),
    ).toEqual(
      [...Object.keys(REFERENCE_MAPPINGS), webhook.name].map((name) => [name, 'RETAILER', 1, 'JSON']),
    );
  });

  it('names the mappings as the connector looks for them', () => {
    const { order, payment, shipping } = settings.variables;
    expect(settingNames('order', defaults.ORDER_STATUS_MAPPING_SETTING)).toContain(order?.name);
    expect(settingNames('payment', defaults.PAYMENT_STATUS_MAPPING_SETTING)).toContain(payment?.name);
    expect(settingNames('shipping', defaults.SHIPPING_STATUS_MAPPING_SETTING)).toContain(shipping?.name);
  });

  it('maps what the reference solution maps, in the spelling of commercetools', () => {
    for (const [name, { fluent: mapping }] of Object.entries(REFERENCE_MAPPINGS)) {
      const { lobValue } = created.find((setting) => setting.name === name) ?? {};
      const capitalized = Object.entries<string>(mapping).map(([status, state]) => [
        status,
        state.charAt(0).toUpperCase() + state.slice(1),
      ]);
      expect(lobValue).toEqual({ fluent: Object.fromEntries(capitalized) });
    }
  });

  it('sends webhooks to the path and under a name that the connector serves', () => {
    expect(defaults.ORDER_STATUS_EVENT_NAMES).toContain(webhook.lobValue['name']);
    const url = `https://connector.example.com${defaults.WEBHOOK_PATH}`;
    expect(webhook.lobValue['url']).toBe(url);
    expect(newRule).toEqual({ name: 'ACME.core.SendWebhook', props: { setting: webhook.name } });
    expect(oldRule).toEqual({ name: 'FLUENTRETAIL.base.SendWebhook', props: { url } });
    expect(ruleset).toMatchObject({ name: webhook.lobValue['name'], type: 'ORDER', rules: [oldRule] });
  });
});

describe('the page about contradicting sources', () => {
  const page = readFileSync('docs/sources.md', 'utf8');

  it.each([
    ...defaults.ORDER_STATUS_EVENT_NAMES,
    'ORDER_STATUS_EVENT_NAMES',
    'DEDUPE_WINDOW',
    'FLUENT_ALLOW_MD5_SIGNATURE',
    'ORDER_LOOKUP',
    'ORDER_REF_PREFIX',
    'RECHECK_DELAY',
  ])('names %s', (name) => {
    expect(page).toContain(`\`${name}\``);
  });

  it('gives the default of DEDUPE_WINDOW', () => {
    expect(page).toContain(`\`DEDUPE_WINDOW\` is ${defaults.DEDUPE_WINDOW / 3600} hours`);
  });
});
