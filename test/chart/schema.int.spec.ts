import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { getMetadataStorage } from 'class-validator';
import { format, resolveConfig } from 'prettier';
import { describe, expect, it } from 'vitest';
import type { Violation } from '../../src/config/problems.js';
import { VARIABLE_NAMES, Variables, readVariables } from '../../src/config/variables.js';
import { COMPLETE_ENVIRONMENT } from '../support/complete-environment.js';
import { CHART, hasChartTools, helmTemplate } from './chart-tools.js';
import type { Manifest } from './manifests.js';

const PATH = `${CHART}/values.schema.json`;
const schema: Manifest = JSON.parse(readFileSync(PATH, 'utf8'));
const isValid = new Ajv({ strict: false }).compile(schema);

/** The values, other than `settings` and `secrets.values`, that become variables. */
const VALUE_OF: Readonly<Record<string, (value: unknown) => object>> = {
  FLUENT_ACCOUNT_ID: (accountId) => ({ fluent: { accountId } }),
  FLUENT_RETAILER_IDS: (id) => ({ fluent: { retailerIds: [id] } }),
  FLUENT_BASE_URL: (baseUrl) => ({ fluent: { baseUrl } }),
  FLUENT_ALLOW_MD5_SIGNATURE: (allowMd5Signature) => ({ fluent: { allowMd5Signature } }),
  CTP_PROJECT_KEY: (projectKey) => ({ commercetools: { projectKey } }),
  CTP_AUTH_URL: (authUrl) => ({ commercetools: { authUrl } }),
  CTP_API_URL: (apiUrl) => ({ commercetools: { apiUrl } }),
  CTP_SCOPES: (scopes) => ({ commercetools: { scopes } }),
  REQUIRE_TLS: (requireTls) => ({ requireTls }),
  WEBHOOK_PATH: (webhookPath) => ({ webhookPath }),
  COMMERCETOOLS_MESSAGES_PATH: (path) => ({ commercetoolsMessages: { path } }),
  DRAIN_DELAY: (drainDelaySeconds) => ({ drainDelaySeconds }),
  SHUTDOWN_TIMEOUT: (shutdownTimeoutSeconds) => ({ shutdownTimeoutSeconds }),
};
/** What the chart fills in by itself, and what only the program can judge. */
const NOT_JUDGED = new Set([
  'PORT',
  'MANAGEMENT_PORT',
  'HOST',
  'CONNECTOR_ROLE',
  'CONNECTOR_CONFIG',
  'SETTINGS_FILE',
  'LOG_FORMAT',
  'FLUENT_WEBHOOK_PUBLIC_KEYS',
]);
const TEXTS = [
  ' ',
  ' , ',
  '/a b',
  'https://a b',
  'x'.repeat(16),
  ...`x -1 0 1 1.5 many true orderNumber debug off , a,b / /a /a?b a/b short person@example.com person@ @example.com
    http:// http:host ftp://host http://host https://host.example.com/base/ https://user@host https://host?q=1
    /health/x /metrics /admin/y /healthy https://host#f https:// https:///path redis:// redis://host rediss://u:p@host:6380/1 redis+sentinel://a
    ops:read:0123456789abcdef ops:admin:0123456789abcdef ops:read:short a:read:0123456789abcdef,b:write:fedcba9876543210
    redis+sentinel://a,b/main redis+cluster://a:1,b:2 redis+cluster://a/1`.split(/\s+/),
];

const rules = getMetadataStorage().getTargetValidationMetadatas(Variables, '', false, false);

function constraint(name: string, rule: string): unknown {
  const found = rules.find((each) => each.propertyName === name && (each.name ?? each.type) === rule);
  return found?.constraints[0];
}

interface Limits {
  readonly type?: 'integer';
  readonly minimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly unknown[];
}

/** @returns what the program says about whole numbers and fixed words, as JSON Schema; undefined for other text. */
function limitsOf(name: string): Limits | undefined {
  const words = constraint(name, 'isIn') as unknown[] | undefined;
  if (words !== undefined) return { enum: words };
  const minimum = constraint(name, 'min') as number | undefined;
  const maximum = constraint(name, 'max') as number | undefined;
  if (minimum === undefined) return undefined;
  return { type: 'integer', minimum, ...(maximum === Number.MAX_SAFE_INTEGER ? {} : { maximum }) };
}

/** @returns the values that give the variable this value, and undefined for variables that have no value. */
function valuesWith(name: string, value: unknown): object | undefined {
  if (VALUE_OF[name]) return VALUE_OF[name](value);
  if (name in schema.properties.settings.properties) return { settings: { [name]: value } };
  return NOT_JUDGED.has(name) ? undefined : { secrets: { values: { [name]: value } } };
}

function programAccepts(name: string, value: unknown): boolean {
  const problems: Violation[] = [];
  // The longest, so that RETRY_BASE_DELAY is judged alone.
  const longest = String(constraint('RETRY_MAX_DELAY', 'max'));
  readVariables({ ...COMPLETE_ENVIRONMENT, RETRY_MAX_DELAY: longest, [name]: String(value) }, problems);
  return problems.every(({ path }) => path !== name);
}

describe('the schema of the values', () => {
  it('has the limits of the program (vitest -u writes them)', async () => {
    const settings = Object.fromEntries(
      Object.entries(schema.properties.settings.properties).map(([name, rule]) => [
        name,
        limitsOf(name) ?? rule,
      ]),
    );
    const { app } = schema.properties;
    const reserved = Object.fromEntries(VARIABLE_NAMES.toSorted().map((name) => [name, false]));
    const appSettings = { ...app.properties.settings, properties: reserved };
    const properties = {
      ...schema.properties,
      app: { ...app, properties: { ...app.properties, settings: appSettings } },
      settings: { ...schema.properties.settings, properties: settings },
    };
    // Values of the connector's own variables are checked where the chart sets them, not among those of an application.
    const appName = { ...schema.$defs.appName, not: { enum: VARIABLE_NAMES.toSorted() } };
    const $defs = { ...schema.$defs, appName };
    const text = JSON.stringify({ ...schema, properties, $defs }, null, 2);
    await expect(await format(text, { ...(await resolveConfig(PATH)), filepath: PATH })).toMatchFileSnapshot(
      `../../${PATH}`,
    );
    expect(settings['QUEUE_CONCURRENCY']).toEqual({ type: 'integer', minimum: 1, maximum: 1000 });
  });

  it.each([
    ['variables of any other name', { settings: { CARRIER_URL: 'https://c', LIMIT: 7, STRICT: true } }, true],
    ['files of any other name', { secrets: ['CARRIER_TOKEN'] }, true],
    ["the connector's own variables", { settings: { QUEUE_CONCURRENCY: 32 } }, false],
    ["the connector's own secrets", { secrets: ['CTP_CLIENT_SECRET'] }, false],
    ['names that no variable has', { settings: { 'carrier-url': 'x' } }, false],
    ['numbers that are not whole, which YAML may write in another way', { settings: { RATE: 0.5 } }, false],
  ])('knows what an application may set: %s', (_name, app, expected) => {
    expect(isValid({ app })).toBe(expected);
  });

  it.skipIf(!hasChartTools)('lets Helm name the place of a variable that an application may not set', () => {
    const refusal = (app: object): string => helmTemplate({ app }).output;
    expect(refusal({ settings: { REDIS_URL: 'x' } })).toMatch(/^- at '\/app\/settings\/REDIS_URL': /m);
    expect(refusal({ secrets: ['CARRIER_TOKEN', 'REDIS_URL'] })).toMatch(/^- at '\/app\/secrets\/1': /m);
    expect(refusal({ settings: { 'carrier-url': 'x' } })).toMatch(
      /^- at '\/app\/settings': .*'carrier-url'/m,
    );
  });

  const judged = VARIABLE_NAMES.filter((name) => !NOT_JUDGED.has(name));

  it.each(judged)('accepts nothing for %s that the program refuses', (name) => {
    const { minimum, maximum } = limitsOf(name) ?? {};
    const limits = [minimum, maximum].filter((limit) => limit !== undefined);
    const samples = [...TEXTS, ...limits.flatMap((limit) => [limit - 1, limit, limit + 1]), 1.5, true];
    const accepted = samples.filter((value) => isValid(valuesWith(name, value)));
    expect(accepted.filter((value) => !programAccepts(name, value))).toEqual([]);
    // Nor does it refuse everything; settings have the very limits of the program.
    expect(accepted).not.toEqual([]);
    expect(accepted).toEqual(expect.arrayContaining(name in VALUE_OF ? [] : limits));
  });
});
