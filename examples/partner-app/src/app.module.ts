import { Module } from '@nestjs/common';
import { ConnectorModule, OrderUpdate, StatusMapper } from 'fluent-commercetools-connector';
import { AuditModule } from './audit.module.js';
import { AuditedOrderUpdate } from './audited-order-update.js';
import { CollectionStatusMapper } from './collection-status-mapper.js';
import { ParcelShippedHandler } from './parcel-shipped.handler.js';
import { TrackingHook } from './tracking.hook.js';

@Module({
  imports: [
    ConnectorModule.register({
      imports: [AuditModule],
      handlers: [ParcelShippedHandler],
      providers: [TrackingHook],
      overrides: [
        { provide: StatusMapper, useClass: CollectionStatusMapper },
        { provide: OrderUpdate, useClass: AuditedOrderUpdate },
      ],
    }),
  ],
})
export class AppModule {}
