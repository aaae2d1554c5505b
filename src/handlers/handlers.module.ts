import { Global, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { HandlerRegistry } from './handler-registry.js';
import { HandlerRunner } from './handler-runner.js';

@Global()
@Module({
  imports: [DiscoveryModule],
  providers: [HandlerRegistry, HandlerRunner],
  exports: [HandlerRegistry, HandlerRunner],
})
export class HandlersModule {}
