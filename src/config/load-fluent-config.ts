import type { ConnectorConfig } from './connector-config.js';

import { accountOf, singleAccountDocument } from './load-connector-config.js';
import { ConfigurationProblems } from './problems.js';
import { readDocument } from './read-document.js';
import { type Environment, type Variables, readVariables } from './variables.js';

/** The part of the configuration that reaches Fluent's API. */
export type FluentApiConfig = Pick<ConnectorConfig, 'accounts' | 'retailerIds' | 'httpClientTimeoutMs'>;

/** Only these are read; whatever else is missing or wrong does not matter. */
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
] as const satisfies readonly (keyof Variables)[];

/** Of the accounts in the file: how their webhooks are checked, and which project their orders are in. */
const NOT_NEEDED = /webhookPublicKeys|allowMd5Signature|\.project|orderLookup|orderRefPrefix|mappingSettings/;

/**
 * Reads what is needed to call Fluent from the service's configuration: neither Redis nor commercetools has
 * to be configured.
 *
 * @throws ConfigurationProblems that lists everything that is wrong, without a secret.
 */
export function loadFluentConfig(environment: Environment): FluentApiConfig {
  const ofVariables: string[] = [];
  const variables = readVariables(onlyNeeded(environment), ofVariables);
  const problems = ofVariables.filter((problem) =>
    VARIABLES.some((name) => problem.startsWith(`${name} `) || problem.startsWith(`${name}_FILE `)),
  );
  const ofFile: string[] = [];
  const document =
    variables.CONNECTOR_CONFIG === undefined
      ? singleAccountDocument(variables)
      : readDocument(variables.CONNECTOR_CONFIG, ofFile);
  problems.push(
    ...ofFile.filter(
      (problem) => !problem.startsWith('projects') && !NOT_NEEDED.test(problem.split(' ', 1)[0] ?? ''),
    ),
  );
  if (problems.length > 0 || !document) throw new ConfigurationProblems(problems);
  const accounts = document.accounts.map((account) => {
    account.webhookPublicKeys ??= [];
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
    httpClientTimeoutMs: variables.HTTP_CLIENT_TIMEOUT,
    retailerIds: (accountId) => retailers.get(accountId) ?? [],
  };
}

/** Files of secrets that are not needed may be unreadable here. */
function onlyNeeded(environment: Environment): Environment {
  return Object.fromEntries(
    VARIABLES.flatMap((name) => [name, `${name}_FILE`]).map((name) => [name, environment[name]]),
  );
}
