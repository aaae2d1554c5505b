import { Global, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { ProblemDetailsFilter } from './problem-details.filter.js';
import { RejectionReporter } from './rejection-reporter.js';

/** What every HTTP endpoint shares: one form for errors, and one place that counts and logs rejected requests. */
@Global()
@Module({
  providers: [RejectionReporter, { provide: APP_FILTER, useClass: ProblemDetailsFilter }],
  exports: [RejectionReporter],
})
export class HttpModule {}
