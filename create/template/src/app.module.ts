import { Module } from '@nestjs/common';
import { ConnectorModule, StatusMapper } from 'fluent-commercetools-connector';
import { CollectionStatusMapper } from './collection-status-mapper.js';
import { ParcelDeliveredHandler } from './parcel-delivered.handler.js';
import { Settings } from './settings.js';
import { TrackingHook } from './tracking.hook.js';

@Module({
  imports: [
    ConnectorModule.register({
      config: Settings,
      handlers: [ParcelDeliveredHandler],
      providers: [TrackingHook],
      overrides: [{ provide: StatusMapper, useClass: CollectionStatusMapper }],
    }),
  ],
})
export class AppModule {}
