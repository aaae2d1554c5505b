import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo } from 'node:net';
import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import {
  CHART,
  hasChartTools,
  helmLint,
  helmNotes,
  helmTemplate,
  helmTemplateWithCluster,
  problemsOfManifests,
  requireChartToolsInCi,
} from './chart-tools.js';
import type { Violation } from '../../src/config/problems.js';
import { readVariables } from '../../src/config/variables.js';
import { COMPLETE_ENVIRONMENT } from '../support/complete-environment.js';
import { hasPromtool, promtool, requirePromtoolInCi } from '../support/promtool.js';
import { ClusterStub } from './cluster-stub.js';
import { type Manifest, manifestsOf, ofKind } from './manifests.js';
import { ALERT_TESTS } from './alert-tests.js';
import { SMALL, VALUE_SETS, WEBHOOKS_FROM } from './value-sets.js';

const ALERTS = `${CHART}/files/alerts.yaml`;
const sets = Object.entries(VALUE_SETS);
const { FLUENT_ACCOUNT_ID: _id, CTP_PROJECT_KEY: _key, ...SECRETS } = COMPLETE_ENVIRONMENT;
const BOUNDED = {
  cpu: expect.any(String),
  memory: expect.any(String),
  'ephemeral-storage': expect.any(String),
};
const BY_REDIS = { enabled: true, trigger: 'redis', redis: { address: 'r:6379' } };

function render(values: unknown, release?: string): string {
  const { ok, text, output } = helmTemplate(values, release);
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
  it.each(sets)('passes helm lint --strict: %s', (_name, values) => {
    const { ok, output } = helmLint(values);
    expect(ok, output).toBe(true);
  });

  it('renders what Kubernetes accepts, with each set of values', () => {
    const rendered = Object.fromEntries(sets.map(([name, values]) => [name, render(values)]));
    expect(problemsOfManifests(rendered)).toEqual({});
  });

  it("runs an application's image with its command, version, variables and secrets, and our own as before", () => {
    const values = VALUE_SETS['an application of a partner'];
    const [deployment] = deployments(values);
    const [container] = deployment.spec.template.spec.containers;
    expect(container).toMatchObject({
      image: 'registry.example.com/shop-connector:2026.11.3_rc1',
      command: ['/nodejs/bin/node'],
      args: ['dist/shop.js'],
    });
    expect(deployment.metadata.labels['app.kubernetes.io/version']).toBe('2026.11.3_rc1');
    const { CARRIER_URL, CARRIER_RETRIES, CARRIER_STRICT, CARRIER_TOKEN_FILE, ...ours } =
      environment(deployment);
    expect([CARRIER_URL, CARRIER_RETRIES, CARRIER_STRICT, CARRIER_TOKEN_FILE]).toEqual([
      'https://carrier.example.com',
      '3',
      'true',
      '/etc/connector/secrets/CARRIER_TOKEN',
    ]);
    expect(ours).toEqual(environment(deployments(SMALL)[0]));
    expect(container.volumeMounts).toContainEqual({
      name: 'secrets',
      mountPath: '/etc/connector/secrets',
      readOnly: true,
    });
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
        "TriggerAuthentication",
      ]
    `);
    const broken = [...kinds].map(([kind, object]) => {
      const copy = structuredClone(object);
      (copy.spec ?? copy).notAField = true;
      return [kind, stringify(copy)];
    });
    const problems = problemsOfManifests(Object.fromEntries(broken));
    for (const kind of kinds.keys())
      expect(problems[kind], kind).toEqual([expect.stringMatching(/notAField/)]);
  });

  it('is small by default: one Deployment that accepts and processes', () => {
    const [deployment, ...more] = deployments(SMALL);
    expect(more).toEqual([]);
    expect(environment(deployment).CONNECTOR_ROLE).toBe('all');
    expect(deployment.spec.replicas).toBe(2);
  });

  it('adds workers when it is split, and replaces the pods behind the Service one after another', () => {
    const [together, split] = [false, true].map((isSplit) => {
      const rendered = render({ ...SMALL, split: isSplit });
      const roles = ofKind(rendered, 'Deployment').map((each) => environment(each).CONNECTOR_ROLE);
      const named = (kind: string): Manifest =>
        ofKind(rendered, kind).find(({ metadata }) => metadata.name === 'rel-fluent-commercetools-connector');
      return { roles, service: named('Service'), deployment: named('Deployment') };
    });
    expect([together?.roles, split?.roles]).toEqual([['all'], ['ingress', 'worker']]);
    // The same Service selects the pods of both, and the same Deployment owns them: its selector cannot be changed.
    expect(split?.service).toEqual(together?.service);
    expect(split?.deployment.spec.selector).toEqual(together?.deployment.spec.selector);
    for (const { deployment, service } of [together!, split!]) {
      expect(deployment.spec.template.metadata.labels).toMatchObject(service.spec.selector);
      expect(deployment.spec.strategy.rollingUpdate.maxUnavailable).toBe(0);
    }
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
      'prometheus.io/port': '8081',
      'prometheus.io/path': '/metrics',
    };
    const enabled = { ...VALUE_SETS['Prometheus without its operator'], split: true };
    expect(annotationsOf(enabled)).toEqual([scraped, scraped]);
    for (const each of deployments(enabled))
      expect(environment(each).MANAGEMENT_PORT).toBe(scraped['prometheus.io/port']);
    expect(annotationsOf(SMALL)).toEqual([{}]);
  });

  it('selects no worker, no Redis and no test pod by the Service that takes webhooks', () => {
    const rendered = render({ ...VALUE_SETS['trial with bundled Redis'], split: true });
    const service = ofKind(rendered, 'Service').find(({ spec }) => spec.type === 'ClusterIP');
    const pods = manifestsOf(rendered).flatMap((object) => {
      if (object.kind === 'Pod') return [object];
      return object.spec?.template ? [object.spec.template] : [];
    });
    const selected = pods.filter(({ metadata }) =>
      Object.entries(service.spec.selector).every(([label, value]) => metadata.labels[label] === value),
    );
    expect(pods).toHaveLength(4);
    expect(selected.map(({ spec }) => spec.containers[0].env[0].value)).toEqual(['ingress']);
  });

  it.each([
    ['has 5 pods', 5],
    ['was scaled to zero', 0],
  ])('keeps the number of pods of a Deployment that %s when scaling begins', async (_name, replicas) => {
    const name = 'rel-fluent-commercetools-connector';
    const cluster = await ClusterStub.start({
      [`/apis/apps/v1/namespaces/shop/deployments/${name}`]: {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name, namespace: 'shop' },
        spec: { replicas },
      },
    });
    try {
      const { ok, text, output } = await helmTemplateWithCluster(VALUE_SETS['scaled by CPU'], cluster.url);
      expect(ok, output).toBe(true);
      expect(ofKind(text, 'Deployment')[0].spec.replicas).toBe(replicas);
      const fixed = await helmTemplateWithCluster({ ...SMALL, roles: { all: { replicas: 3 } } }, cluster.url);
      expect(ofKind(fixed.text, 'Deployment')[0].spec.replicas).toBe(3);
    } finally {
      await cluster.stop();
    }
  });

  it('lets nodes be drained while no pod is ready', () => {
    const budgets = ofKind(render({ ...SMALL, split: true }), 'PodDisruptionBudget');
    expect(budgets).toHaveLength(2);
    for (const { spec } of budgets) expect(spec.unhealthyPodEvictionPolicy).toBe('AlwaysAllow');
  });

  it('has names that fit, however long the name of the release is', () => {
    const values = { ...VALUE_SETS['everything on'], fullnameOverride: '' };
    const rendered = Object.fromEntries(
      [3, 15, 16, 30, 46, 52, 53].map((length) => [
        `${length} characters`,
        render(values, 'r'.repeat(length)),
      ]),
    );
    for (const { kind, metadata } of Object.values(rendered).flatMap(manifestsOf)) {
      // The controller of a StatefulSet makes a label, of at most 63 characters, of its name and a hash of 11.
      expect(metadata.name.length, `${kind} ${metadata.name}`).toBeLessThanOrEqual(52);
    }
    expect(problemsOfManifests(rendered)).toEqual({});
  });

  it('keeps health, metrics and admin off the Service of the webhooks, and lets Prometheus reach them', () => {
    const rendered = render({ ...VALUE_SETS['everything on'], fullnameOverride: '' });
    const [{ spec }] = ofKind(rendered, 'ServiceMonitor');
    const scraped = ofKind(rendered, 'Service').filter(({ spec: service }) =>
      service.ports.some(({ name }: Manifest) => name === spec.endpoints[0].port),
    );
    expect(scraped.map(({ metadata }) => metadata.labels['app.kubernetes.io/component'])).toEqual([
      'receiver',
      'worker',
    ]);
    for (const { spec: service } of scraped) expect(service.clusterIP).toBe('None');
    for (const deployment of ofKind(rendered, 'Deployment')) {
      const [{ ports, readinessProbe }] = deployment.spec.template.spec.containers;
      const { containerPort } = ports.find(({ name }: Manifest) => name === readinessProbe.httpGet.port);
      expect(environment(deployment).MANAGEMENT_PORT).toBe(String(containerPort));
    }
  });

  it('is what Kubernetes decodes with names that YAML could take for other values', () => {
    const number = '42';
    const valuesWith = (name: string) => ({
      ...VALUE_SETS['everything on'],
      nameOverride: number,
      priorityClassName: number,
      secrets: { existingSecret: number },
      caCertificates: { existingSecret: number },
      mappings: { existingConfigMap: number },
      connectorConfig: { existingSecret: number, key: 'y' },
      serviceAccount: { name: number },
      redis: { bundled: { enabled: true, storageClass: number, storage: '1', password: '1'.repeat(16) } },
      keda: { enabled: true, trigger: 'redis', authenticationRef: number },
      ingress: { enabled: true, className: name, hosts: [name] },
      topologySpreadKeys: [name],
    });
    const rendered = ['on', 'y', 'null', 'e1'].map((name) => [name, render(valuesWith(name), name)]);
    expect(problemsOfManifests(Object.fromEntries(rendered))).toEqual({});
  });

  it('takes the ids of retailers as text and as numbers', () => {
    const [deployment] = deployments({
      ...SMALL,
      fluent: { accountId: 'ACME', retailerIds: [1, 2_000_001, 'x'] },
    });
    expect(environment(deployment).FLUENT_RETAILER_IDS).toBe('1,2000001,x');
  });

  it('runs the test pod and the bundled Redis where the other pods run, within the limits of a quota', () => {
    const placement = {
      nodeSelector: { disk: 'ssd' },
      tolerations: [{ key: 'shop', operator: 'Exists' }],
      imagePullSecrets: [{ name: 'registry' }],
      priorityClassName: 'high',
    };
    const rendered = render({ ...VALUE_SETS['trial with bundled Redis'], ...placement });
    const [test] = ofKind(rendered, 'Pod');
    const specs = [...ofKind(rendered, 'Deployment'), ...ofKind(rendered, 'StatefulSet')].map(
      ({ spec }) => spec.template.spec,
    );
    for (const spec of [test.spec, ...specs]) expect(spec).toMatchObject(placement);
    expect(test.spec.containers[0].resources).toEqual({ requests: BOUNDED, limits: BOUNDED });
    // `helm test --logs` asks for them when all is over.
    expect(test.metadata.annotations['helm.sh/hook-delete-policy']).toBe('before-hook-creation');
  });

  it('gives the process volumes, name servers and certificates of a private authority', () => {
    const volume = { name: 'cache', emptyDir: {} };
    const mount = { name: 'cache', mountPath: '/tmp/cache' };
    const dnsConfig = { options: [{ name: 'ndots', value: '1' }] };
    const [deployment] = deployments({
      ...SMALL,
      extraVolumes: [volume],
      extraVolumeMounts: [mount],
      caCertificates: { existingConfigMap: 'company-ca', key: 'company.pem' },
      dnsConfig,
      deploymentAnnotations: { owner: 'shop' },
    });
    const { containers, volumes, ...pod } = deployment.spec.template.spec;
    expect(volumes).toEqual(
      expect.arrayContaining([volume, { name: 'ca', configMap: { name: 'company-ca' } }]),
    );
    const [{ volumeMounts }] = containers;
    const ca = volumeMounts.find(({ name }: Manifest) => name === 'ca');
    expect(volumeMounts).toContainEqual(mount);
    expect(environment(deployment).NODE_EXTRA_CA_CERTS).toBe(`${ca.mountPath}/company.pem`);
    expect(pod.dnsConfig).toEqual(dnsConfig);
    expect(deployment.metadata.annotations).toEqual({ owner: 'shop' });
  });

  it.each(sets.filter(([, { connectorConfig }]) => connectorConfig === undefined))(
    'gives the program an environment that it accepts: %s',
    (_name, values) => {
      for (const deployment of deployments(values)) {
        const given = Object.entries(environment(deployment)).filter(([name]) => !name.endsWith('_FILE'));
        const problems: Violation[] = [];
        // Files, mounted and secret, are not here.
        const { SETTINGS_FILE: _, ...variables } = Object.fromEntries(given);
        readVariables({ ...SECRETS, ...variables }, problems);
        expect(problems).toEqual([]);
      }
    },
  );

  it('lets KEDA or the HorizontalPodAutoscaler alone decide how many pods there are', () => {
    const byKeda = { ...SMALL, keda: BY_REDIS };
    expect(deployments(byKeda)[0].spec).not.toHaveProperty('replicas');
    expect(deployments(VALUE_SETS['scaled by CPU'])[0].spec).not.toHaveProperty('replicas');
    const { ok, output } = helmTemplate({ ...byKeda, roles: { all: { autoscaling: { enabled: true } } } });
    expect(ok).toBe(false);
    expect(output).toMatch(/would both scale the same Deployment/);
  });

  it.each(sets)('keeps secrets out of everything but Secrets: %s', (_name, values) => {
    const objects = manifestsOf(render(values)).filter(({ kind }) => kind !== 'Secret');
    expect(stringify(objects)).not.toMatch(/very-?secret/);
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
            resources: { limits: BOUNDED, requests: BOUNDED },
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

  it.each(sets)('publishes neither health nor metrics nor admin: %s', (_name, values) => {
    const rendered = render({
      ...values,
      secrets: { ...(values['secrets'] as object), optional: ['ADMIN_TOKEN'] },
    });
    const webhooks = ofKind(rendered, 'Service').filter(({ spec }) => spec.clusterIP !== 'None');
    for (const { spec } of webhooks)
      for (const { targetPort } of spec.ports) expect(['http', 'redis']).toContain(targetPort);
    for (const { spec } of [...ofKind(rendered, 'Ingress'), ...ofKind(rendered, 'HTTPRoute')]) {
      const text = JSON.stringify(spec.rules);
      expect(text).not.toMatch(/\/(admin|health|metrics)|management|8081/);
    }
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

  it.each([
    ['refuses connections without TLS', SMALL, 'true'],
    ['allows the bundled Redis, which has no TLS', VALUE_SETS['trial with bundled Redis'], 'false'],
    ['does as it is told: off', { ...SMALL, requireTls: false }, 'false'],
    ['does as it is told: on', { ...VALUE_SETS['trial with bundled Redis'], requireTls: true }, 'true'],
  ])('%s', (_name, values, expected) => {
    for (const deployment of deployments(values)) expect(environment(deployment).REQUIRE_TLS).toBe(expected);
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
    ['a number for text', { fluent: { accountId: 1 } }, /accountId/],
    ['a retailer id that is two', { fluent: { retailerIds: ['1,2'] } }, /retailerIds/],
    ['a setting that the program refuses', { settings: { QUEUE_CONCURRENCY: 0 } }, /QUEUE_CONCURRENCY/],
    [
      'receivers that are scaled to zero',
      { keda: { ...BY_REDIS, minReplicas: 0 } },
      /keda\.minReplicas must be at least 1/,
    ],
    [
      'two sources of certificates',
      { caCertificates: { existingSecret: 'a', existingConfigMap: 'b' } },
      /caCertificates.*keep one/,
    ],
    [
      'a name that no Service can have',
      { fullnameOverride: '42' },
      /"42" cannot be the name of a Service.*fullnameOverride/,
    ],
    ['text for a switch', { split: 'yes' }, /split/],
    ['a path without a slash', { webhookPath: 'webhook' }, /webhookPath/],
    ['a mapping of another shape', { mappings: { content: { a: { BOOKED: 'Open' } } } }, /mappings/],
    ['no Secret', { secrets: { existingSecret: '' } }, /set secrets\.existingSecret/],
    ['no account', { fluent: { accountId: '' } }, /fluent\.accountId is required/],
    ['two sources of secrets', { secrets: { values: { REDIS_URL: 'redis://r' } } }, /keep one/],
    ['a host without a name', { ingress: { enabled: true }, networkPolicy: WEBHOOKS_FROM }, /ingress\.hosts/],
    [
      'a route without a Gateway',
      { httpRoute: { enabled: true }, networkPolicy: WEBHOOKS_FROM },
      /httpRoute\.parentRefs/,
    ],
    [
      'an Ingress whose controller may not connect',
      { ingress: { enabled: true, hosts: ['a.example.com'] } },
      /networkPolicy\.webhooksFrom must name/,
    ],
    [
      'a load balancer that may not connect',
      { service: { type: 'LoadBalancer' } },
      /networkPolicy\.webhooksFrom must name/,
    ],
    [
      'a Prometheus that may not connect',
      { serviceMonitor: { enabled: true } },
      /networkPolicy\.managementFrom must name/,
    ],
    ['a short password of Redis', { redis: { bundled: { enabled: true, password: 'short' } } }, /password/],
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

  it('puts the prefix before the address of each runbook', () => {
    const [{ spec }] = ofKind(render(VALUE_SETS['everything on']), 'PrometheusRule');
    for (const { annotations } of spec.groups.flatMap(({ rules }: Manifest) => rules)) {
      expect(annotations.runbook_url).toMatch(/^https:\/\/git\.example\.com\/docs\/operations\.md#fluent/);
    }
  });

  it('tells every address: of Ingress and Gateway, of webhooks and messages', () => {
    const { output } = helmNotes({
      ...SMALL,
      ingress: { enabled: true, hosts: ['a.example.com'] },
      httpRoute: { enabled: true, parentRefs: [{ name: 'public' }], hostnames: ['b.example.com'] },
      commercetoolsMessages: { publish: true },
      networkPolicy: WEBHOOKS_FROM,
    });
    for (const host of ['a.example.com', 'b.example.com']) {
      expect(output).toContain(`https://${host}/api/v1/fluent-connect/webhook\n`);
      expect(output).toContain(`https://${host}/api/v1/commercetools/messages\n`);
    }
    expect(helmNotes(SMALL).output).not.toContain('commercetools/messages');
  });

  it('tells how to delete the volume of the bundled Redis, which Helm keeps', () => {
    const values = VALUE_SETS['trial with bundled Redis'];
    const [{ metadata, spec }] = ofKind(render(values), 'StatefulSet');
    const claim = `${spec.volumeClaimTemplates[0].metadata.name}-${metadata.name}-0`;
    expect(helmNotes(values).output).toContain(`delete persistentvolumeclaim ${claim}\n`);
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

  it.each(ALERT_TESTS)('fire when they should, and not when they should not: %s', (path) => {
    const { status, output } = promtool(['test', 'rules', path]);
    expect(status, output).toBe(0);
  });
});

function mergeValue(base: Manifest, value: Manifest): Manifest {
  const areObjects = [base, value].every((each) => typeof each === 'object' && !Array.isArray(each));
  return areObjects ? { ...base, ...value } : (value ?? base);
}
