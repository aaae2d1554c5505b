import { Controller, Get, ServiceUnavailableException } from '@nestjs/common';
import { HealthCheckService, type HealthCheckResult } from '@nestjs/terminus';
import { Problem } from '../http/index.js';
import { HealthChecks } from './health-checks.js';
import { Readiness } from './readiness.js';

/** Probes for the orchestrator, and details for people. */
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly checks: HealthChecks,
    private readonly readiness: Readiness,
  ) {}

  @Get('live')
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** Ignores Fluent and commercetools: while they are down, the queue keeps notifications as long as replicas are ready. */
  @Get('ready')
  async ready(): Promise<{ status: string }> {
    if (this.readiness.isDraining) throw new Problem(503, { detail: 'this replica is shutting down' });
    const { status } = await this.check([() => this.checks.store()]);
    return { status };
  }

  /** 503 only when this replica cannot accept webhooks; every other problem is `degraded`. */
  @Get()
  details(): Promise<HealthCheckResult> {
    return this.check([
      () => this.checks.ofTheQueue(),
      () => this.checks.ofThisReplica(),
      () => this.checks.settingsCache(),
    ]);
  }

  private async check(indicators: Parameters<HealthCheckService['check']>[0]): Promise<HealthCheckResult> {
    try {
      return await this.health.check(indicators);
    } catch (error) {
      if (!(error instanceof ServiceUnavailableException)) throw error;
      const { details } = error.getResponse() as HealthCheckResult;
      const down = Object.values(details).find(({ status }) => status === 'down');
      throw new Problem(503, { detail: String(down?.['message']), extensions: { details } });
    }
  }
}
