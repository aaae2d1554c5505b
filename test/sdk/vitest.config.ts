import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

const resultsDir = process.env['TEST_RESULTS_DIR'];

export default defineConfig({
  test: {
    name: 'sdk',
    setupFiles: ['reflect-metadata'],
    include: ['test/sdk/**/*.sdk-spec.ts'],
    testTimeout: 60_000,
    reporters: resultsDir ? ['default', ['json', { outputFile: join(resultsDir, 'sdk.json') }]] : ['default'],
  },
});
