import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

const shared = {
  setupFiles: ['reflect-metadata'],
  globalSetup: ['test/support/provide-redis-server.ts'],
  restoreMocks: true,
};
const resultsDir = process.env['TEST_RESULTS_DIR'];
// One report for each version of Node that the suite is run on.
const report = `product-node-${process.versions.node}.json`;

export default defineConfig({
  test: {
    reporters: resultsDir ? ['default', ['json', { outputFile: join(resultsDir, report) }]] : ['default'],
    projects: [
      { test: { ...shared, name: 'unit', include: ['src/**/*.spec.ts', 'test/documentation/*.spec.ts'] } },
      {
        test: {
          ...shared,
          name: 'e2e',
          include: ['test/**/*.e2e-spec.ts'],
          // They measure time and kill servers: one after another.
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        // Most need the tools that .ci/install-chart-tools installs, and are skipped without them.
        test: {
          ...shared,
          name: 'chart',
          include: ['test/chart/**/*.chart-spec.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      exclude: ['src/main.ts', '**/*.spec.ts', '**/index.ts'],
      reporter: ['text-summary', 'lcov'],
    },
  },
});
