import { Controller, Get, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { ConnectorMetrics } from './connector-metrics.js';

/** What Prometheus scrapes. */
@Controller('metrics')
export class MetricsController {
  constructor(private readonly metrics: ConnectorMetrics) {}

  @Get()
  async scrape(@Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    const { registry } = this.metrics;
    const text = await registry.metrics();
    void reply.header('content-type', registry.contentType);
    return text;
  }
}
