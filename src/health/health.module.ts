import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { OrderStatusModule } from '../order-status/index.js';
import { HealthChecks } from './health-checks.js';
import { HealthController } from './health.controller.js';
import { QueueGauge } from './queue-gauge.js';
import { QueueWarnings } from './queue-warnings.js';
import { Readiness } from './readiness.js';

@Module({
  // Failed probes are not logged, because they may fail every few seconds. The answer has the reason.
  imports: [TerminusModule.forRoot({ logger: false }), OrderStatusModule],
  controllers: [HealthController],
  providers: [HealthChecks, QueueGauge, QueueWarnings, Readiness],
  exports: [Readiness, HealthChecks],
})
export class HealthModule {}
