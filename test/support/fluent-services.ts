import type { FluentScope } from '../../src/fluent/index.js';
import { FluentEndpoints } from '../../src/fluent/index.js';
import { ConnectorMetrics } from '../../src/metrics/index.js';
import type { FluentEmulator } from '../../src/testing/index.js';
import { UpstreamHttp } from '../../src/transport/index.js';
import { graphqlEndpoints } from './graphql-endpoints.js';
import { ACCOUNT, literalConfig } from './literal-config.js';

/** What Fluent services are made of, connected to an emulator (or to another server in its place). */
export interface FluentConnection extends AsyncDisposable {
  readonly endpoints: FluentEndpoints;
  readonly metrics: ConnectorMetrics;
  readonly scope: Required<FluentScope>;
}

export function connectToFluent(
  fluent: FluentEmulator,
  options: { url?: string; retailerIds?: readonly string[] } = {},
): FluentConnection {
  const { environment, accountId, retailerId } = fluent;
  const { url = fluent.url, retailerIds = [retailerId] } = options;
  const account = {
    ...ACCOUNT,
    id: accountId,
    baseUrl: url,
    username: environment['FLUENT_USERNAME']!,
    password: environment['FLUENT_PASSWORD']!,
    clientId: environment['FLUENT_CLIENT_ID']!,
    clientSecret: environment['FLUENT_CLIENT_SECRET']!,
  };
  const config = literalConfig({ accounts: [account], retailerIds: () => retailerIds });
  const http = new UpstreamHttp(config);
  const metrics = new ConnectorMetrics();
  const graphql = graphqlEndpoints(http, metrics);
  return {
    endpoints: new FluentEndpoints(config, graphql),
    metrics,
    scope: { accountId, retailerId },
    [Symbol.asyncDispose]: () => http.onApplicationShutdown(),
  };
}
