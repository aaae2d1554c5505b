import { clearTextWarnings } from './clear-text.js';
import type {
  AccountConfig,
  ConnectorConfig,
  MappingSettings,
  ProjectConfig,
  RetailerScope,
} from './connector-config.js';
import type { AccountDocument, ConnectorDocument, RetailerOptionsDocument } from './document.js';
import { ConfigurationProblems, type Violation } from './problems.js';
import { readDocument } from './read-document.js';
import { sharedProjectWarnings } from './shared-projects.js';
import { ScopedConnectorConfig, type AccountScopes } from './scoped-connector-config.js';
import { readVariables, withRenamedVariables, type Environment, type Variables } from './variables.js';

/** How the application differs from the stock connector. */
export interface LoadOptions {
  /** Reads further variables; what it finds wrong is in the same list. */
  readonly readMore?: (problems: Violation[]) => void;
  /** Whether the application uses the queue on Redis. Default: true. */
  readonly queueNeedsRedis?: boolean;
}

/** What the parts beside the queue keep in this process when there is no Redis. */
export const KEPT_IN_MEMORY = [
  'the position of reconciliation',
  'the updates that are synced',
  'the Fluent order of each commercetools order',
  'the progress of batch loads',
] as const;

/**
 * Reads, completes and checks the configuration.
 *
 * @param environment the variables; secrets may come as `NAME_FILE`, accounts from `CONNECTOR_CONFIG`.
 * @throws ConfigurationProblems that lists every problem, without a secret.
 */
export function loadConnectorConfig(
  environment: Environment,
  { readMore, queueNeedsRedis }: LoadOptions = {},
): ConnectorConfig {
  const problems: Violation[] = [];
  const [current, warnings] = withRenamedVariables(environment);
  const variables = readVariables(current, problems, queueNeedsRedis);
  const document =
    variables.CONNECTOR_CONFIG === undefined
      ? singleAccountDocument(variables)
      : readDocument(variables.CONNECTOR_CONFIG, problems);
  readMore?.(problems);
  if (problems.length > 0 || !document) throw new ConfigurationProblems(problems);
  warnings.push(...clearTextWarnings(variables, document));

  const projects = new Map(document.projects.map((project) => [project.key, Object.freeze(project)]));
  const scopes = document.accounts.map((account) => scopesOf(account, projects, variables));
  const config = new ScopedConnectorConfig(variables, scopes, [...projects.values()], warnings, [
    ...sharedProjectWarnings(scopes),
    ...memoryNotices(variables),
  ]);
  if (!config.commercetoolsMessages) return config;
  // A message names only a project. The configured retailers determine whose orders are in it.
  const open = scopes.flatMap(({ account, anyRetailer }, index) =>
    anyRetailer
      ? [
          {
            path: variables.CONNECTOR_CONFIG ? `accounts[${index}].retailers` : 'FLUENT_RETAILER_IDS',
            message: `must name the retailers of account ${account.id}, because messages from commercetools are accepted`,
          },
        ]
      : [],
  );
  if (open.length > 0) throw new ConfigurationProblems(open);
  return config;
}

function memoryNotices({ REDIS_URL }: Variables): string[] {
  if (REDIS_URL) return [];
  return [
    `REDIS_URL is not set: this process keeps in memory ${KEPT_IN_MEMORY.join(', ')}. ` +
      'A restart loses it, and replicas do not share it',
  ];
}

/** @internal The one account and project of the environment, in the form of the file. */
export function singleAccountDocument(variables: Variables): ConnectorDocument {
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
        retailers:
          variables.FLUENT_RETAILER_IDS.length > 0
            ? variables.FLUENT_RETAILER_IDS.map((id) => ({ id }))
            : undefined,
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

/** @internal */
export function accountOf(document: AccountDocument): AccountConfig {
  return Object.freeze({
    id: document.id,
    baseUrl: document.baseUrl ?? `https://${document.id.toLowerCase()}.sandbox.api.fluentretail.com`,
    username: document.username,
    password: document.password,
    clientId: document.clientId,
    clientSecret: document.clientSecret,
    webhookPublicKeys: Object.freeze(document.webhookPublicKeys),
    allowMd5Signature: document.allowMd5Signature ?? false,
  });
}

function scopesOf(
  document: AccountDocument,
  projects: ReadonlyMap<string, ProjectConfig>,
  variables: Variables,
): AccountScopes {
  const account = accountOf(document);
  const [onlyProject] = projects.values();
  const scope = (retailer: RetailerOptionsDocument): Omit<RetailerScope, 'retailerId'> => {
    const key = retailer.project ?? document.project;
    return {
      account,
      // The checks above made sure that it exists, and that it is named when there are several.
      project: (key === undefined ? onlyProject : projects.get(key)) as ProjectConfig,
      orderLookup: retailer.orderLookup ?? document.orderLookup ?? variables.ORDER_LOOKUP,
      orderRefPrefix: retailer.orderRefPrefix ?? document.orderRefPrefix ?? variables.ORDER_REF_PREFIX,
      mappingSettings: mappingSettings(retailer, document, variables),
    };
  };
  const { retailers } = document;
  return {
    account,
    retailers: new Map(
      retailers?.map((retailer) => [
        retailer.id,
        Object.freeze({ ...scope(retailer), retailerId: retailer.id }),
      ]),
    ),
    anyRetailer: retailers ? undefined : scope({}),
  };
}

function mappingSettings(
  retailer: RetailerOptionsDocument,
  account: RetailerOptionsDocument,
  variables: Variables,
): MappingSettings {
  const setting = (kind: keyof MappingSettings, fallback: string): string | undefined => {
    const name = retailer.mappingSettings?.[kind] ?? account.mappingSettings?.[kind] ?? fallback;
    return name.trim().toLowerCase() === 'off' ? undefined : name;
  };
  return Object.freeze({
    order: setting('order', variables.ORDER_STATUS_MAPPING_SETTING),
    payment: setting('payment', variables.PAYMENT_STATUS_MAPPING_SETTING),
    shipping: setting('shipping', variables.SHIPPING_STATUS_MAPPING_SETTING),
  });
}
