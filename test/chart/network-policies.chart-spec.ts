import { describe, expect, it } from 'vitest';
import { hasChartTools, helmTemplate, requireChartToolsInCi } from './chart-tools.js';
import { ofKind } from './manifests.js';
import { type Peer, type Target, isAllowed } from './network-policies.js';
import { MANAGEMENT_FROM, SMALL, VALUE_SETS, WEBHOOKS_FROM } from './value-sets.js';

const NAMESPACE = 'shop';
const REDIS = { redis: { bundled: { enabled: true } } };
const PROXY = { extraEnv: [{ name: 'HTTPS_PROXY', value: 'http://proxy.example.com:3128' }] };
const COLLECTOR = { extraEnv: [{ name: 'OTEL_EXPORTER_OTLP_ENDPOINT', value: 'http://collector:4318' }] };

function pod(component: string, ip: string, instance = 'rel'): Peer {
  const labels = {
    'app.kubernetes.io/name': 'fluent-commercetools-connector',
    'app.kubernetes.io/instance': instance,
    'app.kubernetes.io/component': component,
  };
  return { namespace: NAMESPACE, labels, ip };
}
const receiver = pod('receiver', '10.1.0.1');
const worker = pod('worker', '10.1.0.2');
const redis = pod('redis', '10.1.0.3');
const test = pod('test', '10.1.0.4');
const doctor = pod('doctor', '10.1.0.7');
const otherRelease = pod('receiver', '10.1.0.5', 'other');
const neighbour: Peer = { namespace: NAMESPACE, labels: { app: 'shop' }, ip: '10.1.0.6' };
const controller: Peer = { namespace: 'ingress-nginx', labels: {}, ip: '10.1.1.1' };
const prometheus: Peer = { namespace: 'monitoring', labels: {}, ip: '10.1.2.1' };
const nameServer: Peer = { namespace: 'kube-system', labels: {}, ip: '10.1.3.1' };
const on = (peer: Peer, port: number, protocol: 'TCP' | 'UDP' = 'TCP'): Target => ({
  ...peer,
  port,
  protocol,
});
const address = (ip: string, port: number): Target => ({ ip, port });

function allows(values: object, from: Peer, to: Target): boolean {
  const { ok, text, output } = helmTemplate({ ...SMALL, ...values });
  if (!ok) throw new Error(output);
  return isAllowed(ofKind(text, 'NetworkPolicy'), NAMESPACE, from, to);
}

requireChartToolsInCi();

describe.skipIf(!hasChartTools)('the NetworkPolicies of the chart', () => {
  const named = { networkPolicy: { ...WEBHOOKS_FROM, ...MANAGEMENT_FROM } };

  it.each<[string, object, Peer, Target]>([
    ['the named controller send webhooks', named, controller, on(receiver, 8080)],
    ['the named Prometheus scrape receivers', named, prometheus, on(receiver, 8081)],
    ['the named Prometheus scrape workers', named, prometheus, on(worker, 8081)],
    ['the test of the release send its webhook', {}, test, on(receiver, 8080)],
    ['the test of the release ask for names', {}, test, on(nameServer, 53, 'UDP')],
    ['the doctor of the release reach upstreams', {}, doctor, address('203.0.113.7', 443)],
    ['the doctor of the release reach an external Redis', {}, doctor, address('10.9.0.1', 6379)],
    ['the doctor of the release reach the bundled Redis', REDIS, doctor, on(redis, 6379)],
    ['pods ask for names', {}, receiver, on(nameServer, 53, 'UDP')],
    ['pods ask for long names', {}, worker, on(nameServer, 53)],
    ['pods ask the cache of names on their node', {}, receiver, address('169.254.20.10', 53)],
    ['pods reach upstreams', {}, worker, address('203.0.113.7', 443)],
    ['pods reach upstreams by IPv6', {}, worker, address('2001:db8::7', 443)],
    [
      'pods reach an upstream on the port of its address',
      { fluent: { accountId: 'ACME', baseUrl: 'https://fluent.example.com:8443/api' } },
      worker,
      address('203.0.113.7', 8443),
    ],
    [
      'pods reach the upstreams of several accounts',
      {
        ...VALUE_SETS['several accounts'],
        connectorConfig: {
          content: { accounts: [{ id: 'A', baseUrl: 'https://a.example.com:9443' }], projects: [] },
        },
      },
      worker,
      address('203.0.113.7', 9443),
    ],
    ['pods reach the proxy of extraEnv', PROXY, worker, address('10.9.0.1', 3128)],
    ['pods reach the collector of traces of extraEnv', COLLECTOR, worker, address('10.9.0.1', 4318)],
    ['pods reach an external Redis', {}, receiver, address('10.9.0.1', 6379)],
    [
      'pods reach sentinels',
      { networkPolicy: { redisPorts: [6380, 26_379] } },
      receiver,
      address('10.9.0.1', 26_379),
    ],
    ['pods reach the bundled Redis', REDIS, worker, on(redis, 6379)],
  ])('let %s', (_name, values, from, to) => {
    expect(allows(values, from, to)).toBe(true);
  });

  it.each<[string, object, Peer, Target]>([
    ['a pod of the same namespace send webhooks', named, neighbour, on(receiver, 8080)],
    ['anybody send webhooks while nobody is named', {}, controller, on(receiver, 8080)],
    ['the controller reach health, metrics and admin', named, controller, on(receiver, 8081)],
    ['Prometheus send webhooks', named, prometheus, on(receiver, 8080)],
    ['a neighbour reach health, metrics and admin', named, neighbour, on(worker, 8081)],
    ['the test of the release reach health, metrics and admin', named, test, on(receiver, 8081)],
    ['pods reach the metadata of the cloud', {}, worker, address('169.254.169.254', 443)],
    ['pods reach the metadata of the cloud over HTTP', {}, worker, address('169.254.169.254', 80)],
    ['pods reach services of the cluster over HTTPS', {}, worker, address('10.9.0.1', 443)],
    ['pods reach other ports', {}, worker, address('203.0.113.7', 25)],
    ['the doctor of the release reach other ports', {}, doctor, address('203.0.113.7', 25)],
    ['pods reach name servers elsewhere', {}, worker, address('203.0.113.7', 53)],
    ['pods reach a Redis elsewhere beside the bundled one', REDIS, worker, address('10.9.0.1', 6379)],
    [
      'pods reach a Redis that is not the named one',
      { networkPolicy: { redisTo: [{ ipBlock: { cidr: '10.8.0.0/16' } }] } },
      worker,
      address('10.9.0.1', 6379),
    ],
    [
      'pods reach upstreams without the proxy when that is closed',
      { networkPolicy: { upstreamsTo: [] } },
      worker,
      address('203.0.113.7', 443),
    ],
    ['the test of the release reach upstreams', {}, test, address('203.0.113.7', 443)],
    ['a neighbour reach the bundled Redis', REDIS, neighbour, on(redis, 6379)],
    ['another release reach the bundled Redis', REDIS, otherRelease, on(redis, 6379)],
    ['the bundled Redis reach anything', REDIS, redis, address('203.0.113.7', 443)],
  ])('do not let %s', (_name, values, from, to) => {
    expect(allows(values, from, to)).toBe(false);
  });

  it('are left out when they are switched off, but for the one of the bundled Redis', () => {
    const off = { networkPolicy: { enabled: false } };
    expect(allows(off, neighbour, on(receiver, 8081))).toBe(true);
    expect(allows({ ...off, ...REDIS }, neighbour, on(redis, 6379))).toBe(false);
  });
});
