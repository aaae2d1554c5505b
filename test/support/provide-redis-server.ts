import { provideRedisServer } from '../../src/testing/redis-server.js';

/** Once, before test files that run side by side would each install a Redis server. */
export default function setup(): void {
  provideRedisServer();
}
