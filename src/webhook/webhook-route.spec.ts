import { beforeEach, describe, expect, it } from 'vitest';
import type { ConnectorConfig } from '../config/index.js';
import { ConnectorMetrics } from '../metrics/index.js';
import { webhookRoute } from './webhook-route.js';

describe('webhookRoute', () => {
  const config = {
    accounts: [{ id: 'ACME' }],
    server: { webhookPath: '/webhook' },
    account: (id: string) => (id === 'ACME' ? {} : undefined),
  } as unknown as ConnectorConfig;
  let route: ReturnType<typeof webhookRoute>;

  beforeEach(() => {
    route = webhookRoute(config, new ConnectorMetrics());
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

  it('identifies a notification by its account and id, and by nothing else', () => {
    expect(route.identify({ accountId: 'ACME', id: 'n-1', name: 'secret' })).toEqual({
      accountId: 'ACME',
      notificationId: 'n-1',
    });
  });
});
