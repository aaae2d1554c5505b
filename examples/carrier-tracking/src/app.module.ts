import { Module } from '@nestjs/common';
import { ConnectorModule } from 'fluent-commercetools-connector';
import { CarrierTrackingHandler } from './carrier-tracking.handler.js';

@Module({ imports: [ConnectorModule.register({ handlers: [CarrierTrackingHandler] })] })
export class AppModule {}
