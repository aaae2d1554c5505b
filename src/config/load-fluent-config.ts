import { clearTextWarnings } from './clear-text.js';
import type { ConnectorConfig } from './connector-config.js';
import { accountOf, singleAccountDocument } from './load-connector-config.js';
import { ConfigurationProblems, type Violation } from './problems.js';
import { readDocument } from './read-document.js';
import { type Environment, type Variables, readVariables } from './variables.js';

/** The part of the configuration that reaches Fluent's API. */
export type FluentApiConfig = Pick<
  ConnectorConfig,
  'accounts' | 'retailerIds' | 'httpClientTimeoutMs' | 'operationBatches' | 'warnings'
>;

/** Only these are read. Problems of all others are ignored. */
const VARIABLES = [
  'CONNECTOR_CONFIG',
  'FLUENT_ACCOUNT_ID',
  'FLUENT_RETAILER_IDS',
  'FLUENT_BASE_URL',
  'FLUENT_USERNAME',
  'FLUENT_PASSWORD',
  'FLUENT_CLIENT_ID',
  'FLUENT_CLIENT_SECRET',
  'HTTP_CLIENT_TIMEOUT',
  'REQUIRE_TLS',
] as const satisfies readonly (keyof Variables)[];

/** Keys of the file that are for webhooks and for commercetools. Problems below them are ignored. */
const NOT_NEEDED: ReadonlySet<string> = new Set([
  'projects',
  'project',
  'webhookPublicKeys',
  'webhookPublicKeysFile',
  'allowMd5Signature',
  'orderLookup',
  'orderRefPrefix',
  'mappingSettings',
]);

/**
 * Reads from the connector's configuration what calls to Fluent need. Neither Redis nor commercetools has to be
 * configured.
 *
 * @throws ConfigurationProblems that lists every problem, without a secret.
 */
export function loadFluentConfig(environment: Environment): FluentApiConfig {
  const ofVariables: Violation[] = [];
  const variables = readVariables(onlyNeeded(environment), ofVariables);
  const problems = ofVariables.filter(({ path }) =>
    VARIABLES.some((name) => path === name || path === `${name}_FILE`),
  );
  const ofFile: Violation[] = [];
  const document =
    variables.CONNECTOR_CONFIG === undefined
      ? singleAccountDocument(variables)
      : readDocument(variables.CONNECTOR_CONFIG, ofFile);
  problems.push(...ofFile.filter(({ path }) => !path.split(/[.[\]]+/).some((key) => NOT_NEEDED.has(key))));
  if (problems.length > 0 || !document) throw new ConfigurationProblems(problems);
  const accounts = document.accounts.map((account) => {
    // Their problems were ignored, so their values must not be used.
    account.webhookPublicKeys = [];
    account.allowMd5Signature = false;
    return accountOf(account);
  });
  const retailers = new Map(
    document.accounts.map(({ id, retailers: configured = [] }) => [
      id,
      configured.map((retailer) => retailer.id),
    ]),
  );
  return {
    accounts,
    warnings: clearTextWarnings(variables, { accounts: document.accounts }),
    httpClientTimeoutMs: variables.HTTP_CLIENT_TIMEOUT,
    // A command makes few calls at once.
    operationBatches: { reads: 1, writes: 1 },
    retailerIds: (accountId) => retailers.get(accountId) ?? [],
  };
}

/** @returns the variables that are read, so that the secret files of all others may be unreadable. */
function onlyNeeded(environment: Environment): Environment {
  return Object.fromEntries(
    VARIABLES.flatMap((name) => [name, `${name}_FILE`]).map((name) => [name, environment[name]]),
  );
}
