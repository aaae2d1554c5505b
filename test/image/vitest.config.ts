import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

const resultsDir = process.env['TEST_RESULTS_DIR'];

export default defineConfig({
  test: {
    name: 'image',
    setupFiles: ['reflect-metadata'],
    globalSetup: ['test/support/provide-redis-server.ts'],
    include: ['test/image/**/*.image-spec.ts'],
    // It installs what the image holds.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    reporters: resultsDir
      ? ['default', ['json', { outputFile: join(resultsDir, 'image.json') }]]
      : ['default'],
  },
});
