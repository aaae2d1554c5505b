import { defineConfig } from 'vitest/config';

export default defineConfig({
  // Starting a Redis, two emulators and the connector takes about a second.
  test: { include: ['test/**/*.test.ts'], hookTimeout: 60_000, testTimeout: 30_000 },
});
