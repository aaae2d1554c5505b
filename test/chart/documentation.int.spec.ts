import { readFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { SECRET_VARIABLES, VARIABLE_NAMES } from '../../src/config/variables.js';
import { CHECKS } from '../../src/doctor/index.js';
import { ALERT_TESTS } from './alert-tests.js';
import { CHART } from './chart-tools.js';
import type { Manifest } from './manifests.js';
import { valuesTable } from './values-table.js';

const read = (path: string): string => readFileSync(path, 'utf8');
const schema: Manifest = JSON.parse(read(`${CHART}/values.schema.json`));
const alerts: string[] = parse(read(`${CHART}/files/alerts.yaml`)).groups.flatMap(({ rules }: Manifest) =>
  rules.map(({ alert }: Manifest) => alert),
);

/** Variables that a pod gets from other values, as they are or as files; HOST stays as it is. */
const setByTheChart = [...read(`${CHART}/templates/_pod.tpl`).matchAll(/name: ([A-Z0-9_]+),/g)].map(
  ([, name = '']) =>
    (VARIABLE_NAMES as readonly string[]).includes(name) ? name : name.replace(/_FILE$/, ''),
);
/** Read by Node. */
const notOurs = ['NODE_EXTRA_CA_CERTS'];

describe('the chart', () => {
  it('has every value in its README (vitest -u writes the table)', async () => {
    const path = `${CHART}/README.md`;
    const table = valuesTable(read(`${CHART}/values.yaml`));
    const text = read(path).replace(
      /(<!-- values -->\n)[^]*(<!-- end of values -->)/,
      (_all, begin: string, end: string) => `${begin}\n${table}\n\n${end}`,
    );
    const formatted = await format(text, { ...(await resolveConfig(path)), filepath: path });
    await expect(formatted).toMatchFileSnapshot(`../../${path}`);
    expect(formatted).toContain('| `roles.worker.autoscaling.targetCPU`');
  });

  it('offers every variable of the connector as a setting, a value of its own, or a key of the Secret', () => {
    const settings = Object.keys(schema.properties.settings.properties);
    const offered = new Set([...settings, ...setByTheChart, ...SECRET_VARIABLES, 'HOST']);
    expect([...offered].filter((name) => !notOurs.includes(name)).sort()).toEqual(VARIABLE_NAMES.toSorted());
    expect(settings.filter((name) => setByTheChart.includes(name))).toEqual([]);
  });

  it('names in its schema the optional secrets, the alerts and the checks of doctor that there are', () => {
    const required = [...read(`${CHART}/templates/_names.tpl`).matchAll(/"([A-Z]+_[A-Z_]+)"/g)].map(
      ([, name]) => name,
    );
    const optional = schema.properties.secrets.properties.optional.items.enum as string[];
    expect([...required, ...optional].sort()).toEqual(SECRET_VARIABLES.toSorted());
    expect(schema.$defs.alert.enum.toSorted()).toEqual(alerts.toSorted());
    expect(schema.$defs.check.enum).toEqual(CHECKS.map(({ name }) => name));
  });
});

describe('each alert', () => {
  const anchors = [...read('docs/operations.md').matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );
  const tests: Manifest[] = ALERT_TESTS.flatMap((path) => parse(read(path)).tests).flatMap(
    (test: Manifest) => test.alert_rule_test,
  );
  const rules: Manifest[] = parse(read(`${CHART}/files/alerts.yaml`)).groups.flatMap(
    (group: Manifest) => group.rules,
  );

  it.each(rules.map((rule) => [rule.alert as string, rule] as const))('%s has a runbook', (_name, rule) => {
    const [file, anchor] = rule.annotations.runbook_url.split('#');
    expect(file).toBe('docs/operations.md');
    expect(anchors).toContain(anchor);
    expect(rule.annotations).toMatchObject({
      summary: expect.any(String),
      description: expect.any(String),
    });
  });

  it.each(alerts)('%s is tested both firing and silent', (alert) => {
    const counts = tests
      .filter(({ alertname }) => alertname === alert)
      .map(({ exp_alerts: expected }) => expected.length as number);
    expect(counts.some((count) => count > 0)).toBe(true);
    expect(counts).toContain(0);
  });
});
