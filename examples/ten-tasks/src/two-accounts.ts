import type { CommercetoolsEmulator, FluentEmulator } from 'fluent-commercetools-connector/testing';

/** @returns the file of `CONNECTOR_CONFIG` for several accounts that share a project. JSON is YAML, too. */
export function configuration(
  accounts: readonly FluentEmulator[],
  { environment: project }: CommercetoolsEmulator,
): string {
  return JSON.stringify({
    projects: [
      {
        key: project['CTP_PROJECT_KEY'],
        clientId: project['CTP_CLIENT_ID'],
        clientSecret: project['CTP_CLIENT_SECRET'],
        authUrl: project['CTP_AUTH_URL'],
        apiUrl: project['CTP_API_URL'],
        scopes: project['CTP_SCOPES'],
      },
    ],
    accounts: accounts.map(({ environment }) => ({
      id: environment['FLUENT_ACCOUNT_ID'],
      baseUrl: environment['FLUENT_BASE_URL'],
      username: environment['FLUENT_USERNAME'],
      password: environment['FLUENT_PASSWORD'],
      clientId: environment['FLUENT_CLIENT_ID'],
      clientSecret: environment['FLUENT_CLIENT_SECRET'],
      webhookPublicKeys: environment['FLUENT_WEBHOOK_PUBLIC_KEYS'],
      retailers: [{ id: environment['FLUENT_RETAILER_IDS'] }],
    })),
  });
}
