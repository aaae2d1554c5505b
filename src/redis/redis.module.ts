import { Global, Module } from '@nestjs/common';
import { ExpiringKeys } from './expiring-keys.js';
import { MemoryExpiringKeys } from './memory-expiring-keys.js';
import { RedisConnections } from './redis-connections.js';
import { RedisExpiringKeys } from './redis-expiring-keys.js';

@Global()
@Module({
  providers: [
    RedisConnections,
    {
      provide: ExpiringKeys,
      inject: [RedisConnections],
      useFactory: (connections: RedisConnections) =>
        connections.isConfigured ? new RedisExpiringKeys(connections.failFast) : new MemoryExpiringKeys(),
    },
  ],
  exports: [RedisConnections, ExpiringKeys],
})
export class RedisModule {}
