import { Global, Module } from '@nestjs/common';
import { AuditLogStatusHistory } from './audit-log-status-history.js';
import { StatusHistory } from './status-history.js';

/** Which statuses an order has passed. */
@Global()
@Module({
  providers: [AuditLogStatusHistory, { provide: StatusHistory, useExisting: AuditLogStatusHistory }],
  exports: [AuditLogStatusHistory, StatusHistory],
})
export class StatusHistoryModule {}
