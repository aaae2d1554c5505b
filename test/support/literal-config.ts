import type { AccountConfig, ConnectorConfig, ProjectConfig, RetailerScope } from '../../src/config/index.js';

export const ACCOUNT: AccountConfig = {
  id: 'ACME',
  baseUrl: 'http://127.0.0.1:1',
  username: 'user',
  password: 'fluent-password',
  clientId: 'ACME',
  clientSecret: 'fluent-secret',
  webhookPublicKeys: [],
  allowMd5Signature: false,
};

export const PROJECT: ProjectConfig = {
  key: 'shop',
  clientId: 'ctp-client',
  clientSecret: 'ctp-secret',
  authUrl: 'http://127.0.0.1:1',
  apiUrl: 'http://127.0.0.1:1',
  scopes: 'manage_orders:shop',
};

/** The default settings of every mapping. */
export const MAPPING_SETTINGS = {
  order: 'fc.connect.commercetools.order.order-status-mapping',
  payment: 'fc.connect.commerce-tools.order.payment-status-mapping',
  shipping: 'fc.connect.commerce-tools.order.shipping-status-mapping',
};

export function literalScope(changes: Partial<RetailerScope> = {}): RetailerScope {
  return {
    account: ACCOUNT,
    retailerId: '1',
    project: PROJECT,
    orderLookup: 'orderNumber',
    mappingSettings: MAPPING_SETTINGS,
    ...changes,
  };
}

/** The part of the configuration that the clients read, without an environment. */
export function literalConfig(changes: Partial<ConnectorConfig> = {}): ConnectorConfig {
  return {
    accounts: [ACCOUNT],
    projects: [PROJECT],
    settingsCacheTtlSeconds: 300,
    httpClientTimeoutMs: 2000,
    operationBatches: { reads: 50, writes: 4 },
    retailerIds: () => ['1'],
    ...changes,
  } as ConnectorConfig;
}
