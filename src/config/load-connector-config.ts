import type {
  AccountConfig,
  ConnectorConfig,
  MappingSettings,
  ProjectConfig,
  RetailerScope,
} from './connector-config.js';
import {
  readDocument,
  type AccountDocument,
  type ConnectorDocument,
  type RetailerOptionsDocument,
} from './document.js';
import { ConfigurationProblems } from './problems.js';
import { ScopedConnectorConfig, type AccountScopes } from './scoped-connector-config.js';
import { readVariables, type Environment, type Variables } from './variables.js';

/**
 * Reads, completes and checks the configuration.
 *
 * @param environment the variables; secrets may come as `NAME_FILE`, accounts from `CONNECTOR_CONFIG`.
 * @throws ConfigurationProblems that lists everything that is wrong, without a secret.
 */
export function loadConnectorConfig(environment: Environment): ConnectorConfig {
  const problems: string[] = [];
  const variables = readVariables(environment, problems);
  const document =
    variables.CONNECTOR_CONFIG === undefined
      ? singleAccountDocument(variables)
      : readDocument(variables.CONNECTOR_CONFIG, problems);
  if (problems.length > 0 || !document) throw new ConfigurationProblems(problems);

  const projects = new Map(document.projects.map((project) => [project.key, Object.freeze(project)]));
  if (projects.size < document.projects.length) problems.push('projects: two have the same key');
  const accounts = document.accounts.map((account, index) =>
    scopesOf(account, `accounts[${index}]`, projects, variables, problems),
  );
  if (new Set(document.accounts.map(({ id }) => id)).size < accounts.length) {
    problems.push('accounts: two have the same id');
  }
  if (problems.length > 0) throw new ConfigurationProblems(problems);
  return new ScopedConnectorConfig(variables, accounts, [...projects.values()]);
}

/** The one account and project of the environment, in the form of the file. */
function singleAccountDocument(variables: Variables): ConnectorDocument {
  return {
    accounts: [
      {
        id: variables.FLUENT_ACCOUNT_ID,
        baseUrl: variables.FLUENT_BASE_URL,
        username: variables.FLUENT_USERNAME,
        password: variables.FLUENT_PASSWORD,
        clientId: variables.FLUENT_CLIENT_ID,
        clientSecret: variables.FLUENT_CLIENT_SECRET,
        webhookPublicKeys: variables.FLUENT_WEBHOOK_PUBLIC_KEYS,
        allowMd5Signature: variables.FLUENT_ALLOW_MD5_SIGNATURE,
        retailers: variables.FLUENT_RETAILER_IDS.map((id) => ({ id })),
      },
    ],
    projects: [
      {
        key: variables.CTP_PROJECT_KEY,
        clientId: variables.CTP_CLIENT_ID,
        clientSecret: variables.CTP_CLIENT_SECRET,
        authUrl: variables.CTP_AUTH_URL,
        apiUrl: variables.CTP_API_URL,
        scopes: variables.CTP_SCOPES,
      },
    ],
  };
}

function scopesOf(
  document: AccountDocument,
  path: string,
  projects: ReadonlyMap<string, ProjectConfig>,
  variables: Variables,
  problems: string[],
): AccountScopes {
  const account: AccountConfig = Object.freeze({
    id: document.id,
    baseUrl: document.baseUrl ?? `https://${document.id.toLowerCase()}.sandbox.api.fluentretail.com`,
    username: document.username,
    password: document.password,
    clientId: document.clientId,
    clientSecret: document.clientSecret,
    webhookPublicKeys: document.webhookPublicKeys,
    allowMd5Signature: document.allowMd5Signature ?? false,
  });
  const scope = (retailer: RetailerOptionsDocument, where: string): Omit<RetailerScope, 'retailerId'> => {
    const project = projectOf(retailer.project ?? document.project, projects, where, problems);
    return {
      account,
      project,
      orderLookup: retailer.orderLookup ?? document.orderLookup ?? variables.ORDER_LOOKUP,
      orderRefPrefix: retailer.orderRefPrefix ?? document.orderRefPrefix ?? variables.ORDER_REF_PREFIX,
      mappingSettings: mappingSettings(retailer, document, variables),
    };
  };
  const retailers = document.retailers ?? [];
  if (new Set(retailers.map(({ id }) => id)).size < retailers.length) {
    problems.push(`${path}.retailers: two have the same id`);
  }
  return {
    account,
    retailers: new Map(
      retailers.map((retailer, index) => [
        retailer.id,
        Object.freeze({ ...scope(retailer, `${path}.retailers[${index}]`), retailerId: retailer.id }),
      ]),
    ),
    anyRetailer: retailers.length === 0 ? scope({}, path) : undefined,
  };
}

function projectOf(
  key: string | undefined,
  projects: ReadonlyMap<string, ProjectConfig>,
  where: string,
  problems: string[],
): ProjectConfig {
  const [first] = projects.values();
  const project = key === undefined && projects.size === 1 ? first : projects.get(key ?? '');
  if (!project) {
    const known = [...projects.keys()].join(', ');
    problems.push(
      key === undefined
        ? `${where}.project is required, because there are several: ${known}`
        : `${where}.project ${key} is none of the projects: ${known}`,
    );
  }
  // With a problem the result is never used.
  return project ?? (first as ProjectConfig);
}

function mappingSettings(
  retailer: RetailerOptionsDocument,
  account: RetailerOptionsDocument,
  variables: Variables,
): MappingSettings {
  const setting = (kind: keyof MappingSettings, fallback: string): string | undefined => {
    const name = retailer.mappingSettings?.[kind] ?? account.mappingSettings?.[kind] ?? fallback;
    return name.toLowerCase() === 'off' ? undefined : name;
  };
  return Object.freeze({
    order: setting('order', variables.ORDER_STATUS_MAPPING_SETTING),
    payment: setting('payment', variables.PAYMENT_STATUS_MAPPING_SETTING),
    shipping: setting('shipping', variables.SHIPPING_STATUS_MAPPING_SETTING),
  });
}
