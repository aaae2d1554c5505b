import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

const shared = {
  setupFiles: ['reflect-metadata'],
  globalSetup: ['test/support/provide-redis-server.ts'],
  restoreMocks: true,
};
/** They compute. Each additional thread would load the libraries once more. */
const unit = { pool: 'threads', maxWorkers: availableParallelism(), testTimeout: 30_000 } as const;
/** Files share a process: loading the libraries again for each file would take more CPU time than most of its tests. */
const slow = {
  ...shared,
  globalSetup: [...shared.globalSetup, 'test/support/bundle-connector.ts'],
  testTimeout: 60_000,
  hookTimeout: 60_000,
  isolate: false,
};
/** They replace modules, or count the timers of the process, so each has a process or thread for itself. */
const ISOLATED_SPECS = [
  'src/order-status/convergence.spec.ts',
  'src/delivery/keyed-mutex.spec.ts',
  'src/handlers/handler-runner.spec.ts',
];
const ISOLATED_E2E_SPECS = ['test/convergence.e2e-spec.ts'];
const resultsDir = process.env['TEST_RESULTS_DIR'];
// One report for each version of Node that the suite is run on.
const report = `product-node-${process.versions.node}.json`;

export default defineConfig({
  test: {
    reporters: resultsDir ? ['default', ['json', { outputFile: join(resultsDir, report) }]] : ['default'],
    // More than there are cores: an end-to-end test mostly waits.
    maxWorkers: availableParallelism() + 1,
    projects: [
      {
        test: {
          ...shared,
          name: 'unit',
          include: ['src/**/*.spec.ts', 'test/documentation/*.spec.ts'],
          exclude: ISOLATED_SPECS,
          // Loading the libraries anew for each file would take most of the time.
          ...unit,
          isolate: false,
        },
      },
      { test: { ...shared, ...unit, name: 'unit-isolated', include: ISOLATED_SPECS } },
      // Each has its own Redis and ports.
      {
        test: {
          ...slow,
          name: 'e2e',
          include: ['test/**/*.e2e-spec.ts'],
          exclude: ISOLATED_E2E_SPECS,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...slow,
          isolate: true,
          name: 'e2e-isolated',
          include: ISOLATED_E2E_SPECS,
          sequence: { groupOrder: 1 },
        },
      },
      // Most need the tools that .ci/install-chart-tools installs, and are skipped without them.
      {
        test: {
          ...slow,
          name: 'chart',
          include: ['test/chart/**/*.chart-spec.ts'],
          sequence: { groupOrder: 1 },
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
