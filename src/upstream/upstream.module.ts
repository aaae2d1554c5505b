import { Global, Module } from '@nestjs/common';
import { CallMetrics } from './call-metrics.js';
import { CircuitBreakers } from './circuit-breakers.js';
import { GraphqlEndpoints } from './graphql-endpoint.js';
import { UpstreamHttp } from './upstream-http.js';

/** What both clients share: connections, tokens, circuit breakers and their metrics. */
@Global()
@Module({
  providers: [UpstreamHttp, CallMetrics, CircuitBreakers, GraphqlEndpoints],
  exports: [UpstreamHttp, CallMetrics, CircuitBreakers, GraphqlEndpoints],
})
export class UpstreamModule {}
