import { provideRedisServer } from '../../src/testing/redis-server.js';

/** Once, before test files that run side by side would each install a Redis server. */
export default async function setup(): Promise<void> {
  await provideRedisServer();
}
