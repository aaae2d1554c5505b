import { GraphqlEndpoints } from '../../src/graphql/index.js';
import { ConnectorMetrics } from '../../src/metrics/index.js';
import { CallMetrics, CircuitBreakers, type UpstreamHttp } from '../../src/transport/index.js';
import { literalConfig } from './literal-config.js';

/** @returns endpoints with circuit breakers and metrics of their own, and the settings of a literal configuration. */
export function graphqlEndpoints(http: UpstreamHttp, metrics = new ConnectorMetrics()): GraphqlEndpoints {
  return new GraphqlEndpoints(http, new CircuitBreakers(metrics), new CallMetrics(metrics), literalConfig());
}
