import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

const resultsDir = process.env['TEST_RESULTS_DIR'];

export default defineConfig({
  test: {
    name: 'package',
    include: ['test/package/**/*.package-spec.ts'],
    globalSetup: ['test/package/install-once.ts'],
    // They mostly wait for npm and for processes.
    maxWorkers: 3,
    // Each installs what a partner would install.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    // A worker removes folders of many files before it ends.
    teardownTimeout: 120_000,
    reporters: resultsDir
      ? ['default', ['json', { outputFile: join(resultsDir, 'package.json') }]]
      : ['default'],
  },
});
