import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Starting a Redis, two emulators and the connector takes about a second.
    hookTimeout: 60_000,
    testTimeout: 30_000,
    // Loading the connector anew for each file would take longer than the tests.
    isolate: false,
  },
});
