/** A Fluent account and a commercetools project, with secrets that exist already: the least that an operator sets. */
export const SMALL = {
  fluent: { accountId: 'ACME', retailerIds: ['1', '2'] },
  commercetools: {
    projectKey: 'shop',
    authUrl: 'https://auth.example.com',
    apiUrl: 'https://api.example.com',
  },
  secrets: { existingSecret: 'connector' },
};

const namespace = (name: string): object => ({
  namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } },
});
/** Who may reach a connector that is published, and one that is monitored. */
export const WEBHOOKS_FROM = { webhooksFrom: [namespace('ingress-nginx')] };
export const MANAGEMENT_FROM = { managementFrom: [namespace('monitoring')] };

const MONITORING = {
  serviceMonitor: { enabled: true, labels: { release: 'prometheus' } },
  prometheusRule: {
    enabled: true,
    labels: { release: 'prometheus' },
    disabled: ['FluentConnectorNoWebhooks'],
    runbookUrlPrefix: 'https://git.example.com/',
    overrides: { FluentConnectorLagHigh: { for: '30m', labels: { severity: 'critical' } } },
  },
  dashboard: { enabled: true, annotations: { folder: 'Shop' } },
};
const PUBLISHED = {
  ingress: {
    enabled: true,
    className: 'nginx',
    hosts: ['connector.example.com'],
    tls: [{ secretName: 'tls', hosts: ['connector.example.com'] }],
  },
  httpRoute: {
    enabled: true,
    parentRefs: [{ name: 'public', namespace: 'gateways' }],
    hostnames: ['connector.example.com'],
  },
};
const SEVERAL_ACCOUNTS = {
  connectorConfig: {
    content: {
      projects: [{ key: 'shop-eu', clientSecretFile: '/etc/connector/secrets/eu-secret' }],
      accounts: [{ id: 'ACME', passwordFile: '/etc/connector/secrets/acme-password' }],
    },
  },
};

/** Every kind of installation that the chart offers. */
export const VALUE_SETS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  small: SMALL,
  split: { ...SMALL, split: true },
  'scaled by CPU': { ...SMALL, roles: { all: { autoscaling: { enabled: true } } } },
  'scaled by KEDA from Prometheus': {
    ...SMALL,
    keda: { enabled: true, prometheus: { serverAddress: 'http://prometheus:9090' } },
  },
  'split, scaled by KEDA from Redis': {
    ...SMALL,
    split: true,
    keda: {
      enabled: true,
      trigger: 'redis',
      redis: { address: 'redis:6380', tls: true },
      authenticationRef: 'redis',
    },
  },
  'Prometheus without its operator': {
    ...SMALL,
    prometheusAnnotations: { enabled: true },
    networkPolicy: MANAGEMENT_FROM,
  },
  ingress: { ...SMALL, ingress: PUBLISHED.ingress, networkPolicy: WEBHOOKS_FROM },
  gateway: { ...SMALL, httpRoute: PUBLISHED.httpRoute, networkPolicy: WEBHOOKS_FROM },
  'without NetworkPolicies': {
    ...SMALL,
    ...MONITORING,
    ingress: PUBLISHED.ingress,
    networkPolicy: { enabled: false },
  },
  'trial with bundled Redis': {
    ...SMALL,
    redis: { bundled: { enabled: true, password: 'verysecretpassword' } },
    secrets: {
      values: {
        FLUENT_USERNAME: 'user',
        FLUENT_PASSWORD: 'very-secret',
        FLUENT_CLIENT_ID: 'ACME',
        FLUENT_CLIENT_SECRET: 'very-secret',
        FLUENT_WEBHOOK_PUBLIC_KEYS: 'key',
        CTP_CLIENT_ID: 'client',
        CTP_CLIENT_SECRET: 'very-secret',
      },
    },
  },
  'several accounts': { ...SEVERAL_ACCOUNTS, secrets: { existingSecret: 'connector' } },
  'mappings from a ConfigMap': {
    ...SMALL,
    mappings: {
      content: { 'fc.connect.commercetools.order.order-status-mapping': { fluent: { BOOKED: 'Confirmed' } } },
    },
  },
  'several accounts in a Secret': {
    connectorConfig: { existingSecret: 'accounts' },
    secrets: { existingSecret: 'connector' },
  },
  'an application of a partner': {
    ...SMALL,
    image: { repository: 'registry.example.com/shop-connector', tag: '2026.11.3_rc1' },
    app: {
      command: ['/nodejs/bin/node'],
      args: ['dist/shop.js'],
      settings: { CARRIER_URL: 'https://carrier.example.com', CARRIER_RETRIES: 3, CARRIER_STRICT: true },
      secrets: ['CARRIER_TOKEN'],
    },
  },
  'everything on': {
    ...SMALL,
    ...MONITORING,
    ...PUBLISHED,
    split: true,
    imagePullSecrets: [{ name: 'registry' }],
    image: { digest: `sha256:${'0'.repeat(64)}` },
    secrets: { existingSecret: 'connector', optional: ['ADMIN_TOKEN'] },
    settings: { QUEUE_CONCURRENCY: 32, DEDUPE_WINDOW: 2_592_000, LOG_LEVEL: 'debug' },
    extraEnv: [{ name: 'HTTPS_PROXY', value: 'http://proxy:3128' }],
    extraVolumes: [{ name: 'cache', emptyDir: {} }],
    extraVolumeMounts: [{ name: 'cache', mountPath: '/tmp/cache' }],
    caCertificates: { existingSecret: 'company-ca' },
    dnsConfig: { options: [{ name: 'ndots', value: '1' }] },
    deploymentAnnotations: { a: 'b' },
    doctor: {
      initContainer: { enabled: true, strict: true },
      helmTest: { enabled: true, checks: ['redis', 'fluent'], order: 'O_1', strict: true },
    },
    helmTest: { resources: { limits: { memory: '64Mi' }, requests: { cpu: '10m' } } },
    redis: { bundled: { enabled: true, storageClass: 'fast' } },
    keda: { enabled: true, trigger: 'redis' },
    networkPolicy: {
      ...WEBHOOKS_FROM,
      ...MANAGEMENT_FROM,
      otlpPorts: [4318],
      extraEgress: [{ to: [{ ipBlock: { cidr: '10.0.0.0/8' } }] }],
    },
    service: { type: 'LoadBalancer', annotations: { a: 'b' } },
    serviceAccount: { annotations: { a: 'b' } },
    podAnnotations: { a: 'b' },
    podLabels: { a: 'b' },
    nodeSelector: { disk: 'ssd' },
    tolerations: [{ key: 'spot', operator: 'Exists' }],
    affinity: { nodeAffinity: {} },
    priorityClassName: 'high',
  },
};
