import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo } from 'node:net';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import {
  CHART,
  hasChartTools,
  helmLint,
  helmNotes,
  helmTemplate,
  requireChartToolsInCi,
  validateManifests,
} from './chart-tools.js';
import { hasPromtool, promtool, requirePromtoolInCi } from '../support/promtool.js';
import { type Manifest, manifestsOf, ofKind } from './manifests.js';
import { SMALL, VALUE_SETS } from './value-sets.js';

const ALERTS = `${CHART}/files/alerts.yaml`;
const sets = Object.entries(VALUE_SETS);

function render(values: unknown): string {
  const { ok, text, output } = helmTemplate(values);
  if (!ok) throw new Error(output);
  return text;
}

function deployments(values: unknown): Manifest[] {
  return ofKind(render(values), 'Deployment');
}

function environment(deployment: Manifest): Record<string, string> {
  const { env } = deployment.spec.template.spec.containers[0];
  return Object.fromEntries(env.map(({ name, value }: Record<string, string>) => [name, value]));
}

requireChartToolsInCi();
requirePromtoolInCi();

describe.skipIf(!hasChartTools)('the chart', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'fluent-connector-chart-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function validate(manifests: string): { ok: boolean; output: string } {
    const file = join(folder, 'manifests.yaml');
    writeFileSync(file, manifests);
    return validateManifests(file);
  }

  it.each(sets)('passes helm lint --strict: %s', (_name, values) => {
    const { ok, output } = helmLint(values);
    expect(ok, output).toBe(true);
  });

  it.each(sets)('renders what Kubernetes accepts: %s', (_name, values) => {
    const { ok, output } = validate(render(values));
    expect(ok, output).toBe(true);
  });

  it('renders each kind of object, and the validator knows each', () => {
    const objects = manifestsOf(
      sets.map(([, values]) => render({ ...values, redis: { bundled: { enabled: true } } })).join('\n---\n'),
    );
    const kinds = new Map(objects.map((object) => [object.kind as string, object]));
    expect([...kinds.keys()].sort()).toMatchInlineSnapshot(`
      [
        "ConfigMap",
        "Deployment",
        "HTTPRoute",
        "HorizontalPodAutoscaler",
        "Ingress",
        "NetworkPolicy",
        "Pod",
        "PodDisruptionBudget",
        "PrometheusRule",
        "ScaledObject",
        "Secret",
        "Service",
        "ServiceAccount",
        "ServiceMonitor",
        "StatefulSet",
      ]
    `);
    for (const [kind, object] of kinds) {
      const broken = structuredClone(object);
      (broken.spec ?? broken).notAField = true;
      expect(validate(stringify(broken)).ok, `${kind} with an unknown field`).toBe(false);
    }
  });

  it('is small by default: one Deployment that accepts and processes', () => {
    const [deployment, ...more] = deployments(SMALL);
    expect(more).toEqual([]);
    expect(environment(deployment).CONNECTOR_ROLE).toBe('all');
    expect(deployment.spec.replicas).toBe(2);
  });

  it('splits into ingress and workers; webhooks go to the ingress', () => {
    const rendered = render({ ...SMALL, split: true });
    expect(ofKind(rendered, 'Deployment').map((each) => environment(each).CONNECTOR_ROLE)).toEqual([
      'ingress',
      'worker',
    ]);
    const service = ofKind(rendered, 'Service').find(
      ({ metadata }) => metadata.name === 'rel-fluent-commercetools-connector',
    );
    expect(service.spec.selector['app.kubernetes.io/component']).toBe('ingress');
  });

  it('lets a Prometheus without the operator find every pod, and only when it is asked to', () => {
    const annotationsOf = (values: object): Record<string, string>[] =>
      deployments(values).map(({ spec }) =>
        Object.fromEntries(
          Object.entries<string>(spec.template.metadata.annotations).filter(([name]) =>
            name.startsWith('prometheus'),
          ),
        ),
      );
    const scraped = {
      'prometheus.io/scrape': 'true',
      'prometheus.io/port': '8080',
      'prometheus.io/path': '/metrics',
    };
    const enabled = { ...SMALL, split: true, prometheusAnnotations: { enabled: true } };
    expect(annotationsOf(enabled)).toEqual([scraped, scraped]);
    for (const each of deployments(enabled))
      expect(environment(each).PORT).toBe(scraped['prometheus.io/port']);
    expect(annotationsOf(SMALL)).toEqual([{}]);
  });

  it('lets KEDA or the HorizontalPodAutoscaler alone decide how many pods there are', () => {
    const byKeda = { ...SMALL, keda: { enabled: true, trigger: 'redis', redis: { address: 'r:6379' } } };
    expect(deployments(byKeda)[0].spec).not.toHaveProperty('replicas');
    expect(deployments(VALUE_SETS['scaled by CPU'])[0].spec).not.toHaveProperty('replicas');
    const { ok, output } = helmTemplate({ ...byKeda, roles: { all: { autoscaling: { enabled: true } } } });
    expect(ok).toBe(false);
    expect(output).toMatch(/would both scale the same Deployment/);
  });

  it.each(sets)('keeps secrets out of everything but Secrets: %s', (_name, values) => {
    const objects = manifestsOf(render(values)).filter(({ kind }) => kind !== 'Secret');
    expect(stringify(objects)).not.toContain('very-secret');
  });

  it.each(sets)(
    'runs every pod unprivileged, read-only, bounded and without a token: %s',
    (_name, values) => {
      const objects = manifestsOf(render(values));
      for (const object of objects) {
        const pod = object.kind === 'Pod' ? object.spec : object.spec?.template?.spec;
        if (!pod) continue;
        expect(pod).toMatchObject({
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
        });
        expect(pod.securityContext.runAsUser).toBeGreaterThan(0);
        for (const container of pod.containers) {
          expect(container).toMatchObject({
            securityContext: {
              allowPrivilegeEscalation: false,
              readOnlyRootFilesystem: true,
              capabilities: { drop: ['ALL'] },
            },
            resources: { limits: { memory: expect.any(String) }, requests: { cpu: expect.any(String) } },
          });
        }
      }
    },
  );

  it.each([
    [10, 25],
    [0, 600],
  ])('gives a pod time for drain %i s, shutdown %i s and its own deadline', (drain, shutdown) => {
    const [deployment] = deployments({
      ...SMALL,
      drainDelaySeconds: drain,
      shutdownTimeoutSeconds: shutdown,
    });
    expect(environment(deployment)).toMatchObject({
      DRAIN_DELAY: String(drain),
      SHUTDOWN_TIMEOUT: String(shutdown),
    });
    // The process ends itself 5 s after both.
    expect(deployment.spec.template.spec.terminationGracePeriodSeconds).toBeGreaterThan(drain + shutdown + 5);
  });

  it.each([
    ['alone', false, ['/api/v1/fluent-connect/webhook']],
    [
      'and the one of messages when told so',
      true,
      ['/api/v1/fluent-connect/webhook', '/api/v1/commercetools/messages'],
    ],
  ])('publishes the webhook path %s', (_name, publish, expected) => {
    const rendered = render({ ...VALUE_SETS['everything on'], commercetoolsMessages: { publish } });
    const paths = [
      ...ofKind(rendered, 'Ingress').flatMap(({ spec }) =>
        spec.rules.flatMap(({ http }: Manifest) =>
          http.paths.map(({ path, pathType }: Manifest) => [path, pathType]),
        ),
      ),
      ...ofKind(rendered, 'HTTPRoute').flatMap(({ spec }) =>
        spec.rules.flatMap(({ matches }: Manifest) =>
          matches.map(({ path }: Manifest) => [path.value, path.type]),
        ),
      ),
    ];
    expect(paths).toEqual([...expected, ...expected].map((path) => [path, 'Exact']));
  });

  it('replaces the pods when a secret or the configuration file changes, and only then', () => {
    const checksum = (values: unknown): string =>
      deployments(values)[0].spec.template.metadata.annotations['checksum/secrets'];
    const trial = structuredClone(VALUE_SETS['trial with bundled Redis']) as Manifest;
    const before = checksum(trial);
    expect(checksum({ ...trial, service: { port: 81 } })).toBe(before);
    trial.secrets.values.CTP_CLIENT_SECRET = 'rotated';
    expect(checksum(trial)).not.toBe(before);

    const accounts = structuredClone(VALUE_SETS['several accounts']) as Manifest;
    const old = checksum(accounts);
    accounts.connectorConfig.content.accounts[0].id = 'OTHER';
    expect(checksum(accounts)).not.toBe(old);
  });

  it('mounts the configuration of several accounts, and sets no variable of the one', () => {
    const [deployment] = deployments(VALUE_SETS['several accounts']);
    const env = environment(deployment);
    expect(env.CONNECTOR_CONFIG).toBe('/etc/connector/config/config.yaml');
    expect(Object.keys(env).filter((name) => /^(FLUENT|CTP)_/.test(name))).toEqual([]);
  });

  it('mounts mappings as a folder with a file for each setting, which Kubernetes updates', () => {
    const rendered = render(VALUE_SETS['mappings from a ConfigMap']);
    const mappings = ofKind(rendered, 'ConfigMap')[0];
    expect(mappings.data).toEqual({
      'fc.connect.commercetools.order.order-status-mapping': '{"fluent":{"BOOKED":"Confirmed"}}',
    });
    const [deployment] = ofKind(rendered, 'Deployment');
    const { containers, volumes } = deployment.spec.template.spec;
    const mount = containers[0].volumeMounts.find(({ name }: Manifest) => name === 'mappings');
    expect(environment(deployment).SETTINGS_FILE).toBe(mount.mountPath);
    expect(mount).not.toHaveProperty('subPath');
    expect(volumes).toContainEqual({ name: 'mappings', configMap: { name: mappings.metadata.name } });
  });

  it.each<[string, object, RegExp]>([
    ['a typo', { splitt: true }, /splitt/],
    ['a typo deep inside', { keda: { redis: { adress: 'r:6379' } } }, /adress/],
    ['an unknown setting', { settings: { QUEUE_CONCURENCY: 3 } }, /QUEUE_CONCURENCY/],
    ['an unknown alert', { prometheusRule: { disabled: ['LagHigh'] } }, /prometheusRule/],
    ['text for a number', { roles: { all: { replicas: 'two' } } }, /replicas/],
    ['a number for text', { fluent: { retailerIds: [1] } }, /retailerIds/],
    ['text for a switch', { split: 'yes' }, /split/],
    ['a path without a slash', { webhookPath: 'webhook' }, /webhookPath/],
    ['a mapping of another shape', { mappings: { content: { a: { BOOKED: 'Open' } } } }, /mappings/],
    ['no Secret', { secrets: { existingSecret: '' } }, /set secrets\.existingSecret/],
    ['no account', { fluent: { accountId: '' } }, /fluent\.accountId is required/],
    ['two sources of secrets', { secrets: { values: { REDIS_URL: 'redis://r' } } }, /keep one/],
    ['a host without a name', { ingress: { enabled: true } }, /ingress\.hosts/],
    ['a route without a Gateway', { httpRoute: { enabled: true } }, /httpRoute\.parentRefs/],
    ['KEDA without Prometheus', { keda: { enabled: true } }, /keda\.prometheus\.serverAddress/],
  ])('refuses %s, and says what to change', (_name, values, message) => {
    const merged = Object.fromEntries(
      [...new Set([...Object.keys(SMALL), ...Object.keys(values)])].map((key) => [
        key,
        mergeValue((SMALL as Manifest)[key], (values as Manifest)[key]),
      ]),
    );
    const { ok, output } = helmTemplate(merged);
    expect(ok).toBe(false);
    expect(output).toMatch(message);
  });

  it('turns the alerts file into the PrometheusRule, with what was disabled and overridden', () => {
    const rules = (values: unknown): Manifest[] =>
      ofKind(render(values), 'PrometheusRule')[0].spec.groups.flatMap(({ rules: each }: Manifest) => each);
    const source = parse(readFileSync(ALERTS, 'utf8')).groups.flatMap(({ rules: each }: Manifest) => each);
    expect(rules({ ...SMALL, prometheusRule: { enabled: true } })).toEqual(source);

    const changed = rules(VALUE_SETS['everything on']);
    expect(changed.map(({ alert }) => alert)).not.toContain('FluentConnectorNoWebhooks');
    expect(changed.find(({ alert }) => alert === 'FluentConnectorLagHigh')).toMatchObject({
      for: '30m',
      labels: { severity: 'critical' },
      expr: source.find(({ alert }: Manifest) => alert === 'FluentConnectorLagHigh').expr,
    });
  });

  it.each(sets)('tells the next step: %s', (_name, values) => {
    const { ok, output } = helmNotes(values);
    expect(ok, output).toBe(true);
    expect(output).toMatch(/helm --namespace shop test rel/);
    expect(output).toMatch(/SendWebhook send to\s[^]*\/api\/v1\/fluent-connect\/webhook/);
  });

  describe('its test hook', () => {
    it.each([
      [401, 0],
      [200, 1],
      [503, 1],
    ])('ends with the right code when the answer is %i', async (status, code) => {
      const requests: string[] = [];
      const server = createServer((request, response) => {
        requests.push(`${request.method} ${request.url}`);
        response.writeHead(status).end();
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      try {
        const [pod] = ofKind(render(SMALL), 'Pod');
        const [, ...command] = pod.spec.containers[0].command as string[];
        const { port } = server.address() as AddressInfo;
        const url = /^http:\/\/[^/]+(\/.*)$/;
        const args = command.map((arg) => arg.replace(url, `http://127.0.0.1:${port}$1`));
        const child = spawn(process.execPath, args, { stdio: 'ignore' });
        expect((await once(child, 'exit'))[0]).toBe(code);
        expect(requests).toEqual(['POST /api/v1/fluent-connect/webhook']);
      } finally {
        server.close();
      }
    });
  });
});

describe.skipIf(!hasPromtool)('the alerts', () => {
  it('are what Prometheus accepts', () => {
    const { status, output } = promtool(['check', 'rules', ALERTS]);
    expect(status, output).toBe(0);
  });

  it('fire when they should, and not when they should not', () => {
    const { status, output } = promtool(['test', 'rules', 'test/chart/alerts.test.yaml']);
    expect(status, output).toBe(0);
  });
});

function mergeValue(base: Manifest, value: Manifest): Manifest {
  const areObjects = [base, value].every((each) => typeof each === 'object' && !Array.isArray(each));
  return areObjects ? { ...base, ...value } : (value ?? base);
}
