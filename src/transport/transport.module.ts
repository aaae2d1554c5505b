import { Global, Module } from '@nestjs/common';
import { CallMetrics } from './call-metrics.js';
import { CircuitBreakers } from './circuit-breakers.js';
import { UpstreamHttp } from './upstream-http.js';

/** What both clients share: connections, circuit breakers and call metrics. */
@Global()
@Module({
  providers: [UpstreamHttp, CallMetrics, CircuitBreakers],
  exports: [UpstreamHttp, CallMetrics, CircuitBreakers],
})
export class TransportModule {}
