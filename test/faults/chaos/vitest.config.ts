import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/faults/chaos/*.chaos-spec.ts'],
    setupFiles: ['reflect-metadata'],
    globalSetup: ['test/support/provide-redis-server.ts', 'test/support/bundle-connector.ts'],
    reporters: ['verbose'],
    hookTimeout: 120_000,
    // Each wants the machine for itself.
    fileParallelism: false,
  },
});
