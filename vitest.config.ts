import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.js';

// Tests end by conditions. These bounds are only for what hangs, and far from what a busy machine needs.
const shared = { setupFiles: ['reflect-metadata'], restoreMocks: true };
/** They compute, and nothing else. One more thread than cores computes while others wait for Vite to transform a file. */
const unit = {
  ...shared,
  setupFiles: [...shared.setupFiles, 'test/support/pure-specs.ts'],
  pool: 'threads' as const,
  maxWorkers: availableParallelism() + 1,
  testTimeout: 90_000,
};
/** They start servers, Redis and processes, and mostly wait for them. */
const integration = {
  ...shared,
  globalSetup: ['test/support/provide-redis-server.ts', 'test/support/bundle-connector.ts'],
  testTimeout: 180_000,
  hookTimeout: 180_000,
  // Files share a process: loading the libraries again for each file would take more CPU time than most of its tests.
  isolate: false,
  sequence: { groupOrder: 1 },
};
/** They replace modules, or count the timers of the process, so each has a thread for itself. */
const ISOLATED_SPECS = [
  'src/order-status/convergence.spec.ts',
  'src/delivery/keyed-mutex.spec.ts',
  'src/handlers/handler-runner.spec.ts',
];
const INTEGRATION_SPECS = '{src,test/documentation,test/chart}/**/*.int.spec.ts';
/** They need a browser: `npm run test:console`. */
const CONSOLE_SPECS = ['test/console.e2e-spec.ts'];
const resultsDir = process.env['TEST_RESULTS_DIR'];
// One report for each script of package.json, and each version of Node that runs it.
const script = (process.env['npm_lifecycle_event'] ?? 'vitest').replaceAll(':', '-');
const report = `product-${script}-node-${process.versions.node}.json`;

export default defineConfig({
  test: {
    reporters: resultsDir ? ['default', ['json', { outputFile: join(resultsDir, report) }]] : ['default'],
    // More than there are cores: an integration test mostly waits.
    maxWorkers: availableParallelism() + 3,
    sequence: { sequencer: LongestFirst },
    // Transforming all modules takes a tenth of the CPU time of a run.
    experimental: { fsModuleCache: true, fsModuleCachePath: 'build/vitest-modules' },
    projects: [
      {
        test: {
          ...unit,
          name: 'unit',
          include: ['src/**/*.spec.ts', 'test/documentation/*.spec.ts'],
          exclude: [...ISOLATED_SPECS, INTEGRATION_SPECS],
          isolate: false,
        },
      },
      { test: { ...unit, name: 'unit-isolated', include: ISOLATED_SPECS } },
      // Each has its own Redis and ports. One project has both kinds, because projects share no process.
      {
        test: {
          ...integration,
          name: 'integration',
          include: [INTEGRATION_SPECS, 'test/**/*.e2e-spec.ts'],
          exclude: CONSOLE_SPECS,
        },
      },
      { test: { ...integration, name: 'console', include: CONSOLE_SPECS } },
      // They need the tools that .ci/install-chart-tools installs: `npm run test:chart`.
      { test: { ...integration, name: 'chart', include: ['test/chart/**/*.chart-spec.ts'] } },
    ],
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      exclude: ['src/main.ts', '**/*.spec.ts', '**/index.ts'],
      reporter: ['text-summary', 'lcov'],
    },
  },
});
