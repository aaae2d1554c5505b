import { defineConfig } from 'vitest/config';

const shared = { setupFiles: ['reflect-metadata'], restoreMocks: true };

export default defineConfig({
  test: {
    projects: [
      { test: { ...shared, name: 'unit', include: ['src/**/*.spec.ts'] } },
      {
        test: {
          ...shared,
          name: 'e2e',
          include: ['test/**/*.e2e-spec.ts'],
          fileParallelism: false,
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
