import type { IncomingMessage } from 'node:http';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ConnectorConfig } from '../config/index.js';
import { ConnectorMetrics } from '../metrics/index.js';
import { SignatureVerifier, type SignatureVerification } from './signature-verifier.js';
import { webhookRoute } from './webhook-route.js';

describe('webhookRoute', () => {
  const config = {
    accounts: [{ id: 'ACME' }],
    server: { webhookPath: '/webhook' },
    account: (id: unknown) => (String(id) === 'ACME' ? {} : undefined),
  } as unknown as ConnectorConfig;
  let route: ReturnType<typeof webhookRoute>;
  let answer: () => unknown;
  let metrics: ConnectorMetrics;

  class Verifier extends SignatureVerifier {
    checkHeaders = (): string | undefined => answer() as string | undefined;
    verify = (): SignatureVerification => ({ verified: false, reason: 'not asked' });
  }

  beforeEach(() => {
    answer = () => undefined;
    metrics = new ConnectorMetrics();
    route = webhookRoute(config, metrics, new Verifier());
  });

  it.each([
    ['ACME', { accountId: 'ACME' }],
    ['other', { accountId: 'STRANGER' }],
    ['other', { accountId: ['ACME'] }],
    ['other', undefined],
  ])('counts for %s what a body like %j is rejected for', (owner, body) => {
    expect(route.ownerOf(body)).toBe(owner);
    expect(route.owners).toContain(owner);
  });

  const request = { headers: {} } as IncomingMessage;

  it('admits a request whose headers the verifier accepts', () => {
    expect(route.admit(request)).toBeUndefined();
  });

  it.each<[string, () => unknown, RegExp]>([
    ['gives a reason', () => 'no signature header', /^no signature header$/],
    ['returns nonsense', () => false, /^Verifier.checkHeaders\(\) returned neither undefined nor a reason$/],
    [
      'throws',
      () => {
        throw new Error('broken');
      },
      /Verifier.checkHeaders\(\).*broken/,
    ],
  ])('refuses a request with 401 when the verifier %s', async (_case, given, reason) => {
    answer = given;
    const problem = await route.admit(request);
    expect(problem?.getStatus()).toBe(401);
    expect(problem?.reason).toMatch(reason);
  });

  it('reads the body as bytes, of which the signature is made, and counts what was rejected', async () => {
    expect(route).toMatchObject({ path: '/webhook', kind: 'webhook', body: 'bytes' });
    route.count('ACME', 'unauthorized', 3);
    expect((await metrics.webhooks.get()).values).toEqual([
      { labels: { account: 'ACME', outcome: 'unauthorized' }, value: 3 },
    ]);
  });

  it('identifies a notification by its account and id, and by nothing else', () => {
    expect(route.identify({ accountId: 'ACME', id: 'n-1', name: 'secret' })).toEqual({
      accountId: 'ACME',
      notificationId: 'n-1',
    });
  });
});
