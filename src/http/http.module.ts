import { Global, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { ConnectionLimiter } from './connection-limiter.js';
import { IngressRoutes } from './ingress-routes.js';
import { LimitedLog } from './limited-log.js';
import { ManagementListener } from './management-listener.js';
import { ProblemDetailsFilter } from './problem-details.filter.js';
import { RejectionReporter } from './rejection-reporter.js';

/** Provides what all HTTP endpoints share: limits, problem details, and the report of rejected requests. */
@Global()
@Module({
  providers: [
    ConnectionLimiter,
    IngressRoutes,
    LimitedLog,
    ManagementListener,
    RejectionReporter,
    { provide: APP_FILTER, useClass: ProblemDetailsFilter },
  ],
  exports: [ConnectionLimiter, IngressRoutes, LimitedLog, ManagementListener, RejectionReporter],
})
export class HttpModule {}
