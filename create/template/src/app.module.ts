import { Module } from '@nestjs/common';
import { ConnectorModule, StatusMapper } from 'fluent-commercetools-connector';
import { CollectionStatusMapper } from './collection-status-mapper.js';
import { ParcelDeliveredHandler } from './parcel-delivered.handler.js';
import { SettingsModule } from './settings.js';
import { TrackingHook } from './tracking.hook.js';

@Module({
  imports: [
    ConnectorModule.register({
      imports: [SettingsModule],
      handlers: [ParcelDeliveredHandler],
      providers: [TrackingHook],
      overrides: [{ provide: StatusMapper, useClass: CollectionStatusMapper }],
    }),
  ],
})
export class AppModule {}
