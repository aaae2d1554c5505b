import { Global, Module } from '@nestjs/common';
import { ConnectorMetrics } from './connector-metrics.js';
import { MetricsController } from './metrics.controller.js';

@Global()
@Module({
  controllers: [MetricsController],
  providers: [ConnectorMetrics],
  exports: [ConnectorMetrics],
})
export class MetricsModule {}
