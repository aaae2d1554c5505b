import { Global, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { HandlerRegistry } from './handler-registry.js';

@Global()
@Module({
  imports: [DiscoveryModule],
  providers: [HandlerRegistry],
  exports: [HandlerRegistry],
})
export class HandlersModule {}
