import { defineConfig } from 'vitest/config';
import { keptThreads } from './kept-threads.js';

/** The unit and integration specs of what is mutated. */
export default defineConfig({
  plugins: [
    {
      name: 'kept-threads',
      // Stryker's runner chooses the pool on the command line.
      configureVitest: ({ project }) => {
        Object.assign(project.config, { pool: keptThreads.name, poolRunner: keptThreads });
      },
    },
  ],
  test: {
    setupFiles: ['reflect-metadata'],
    globalSetup: ['test/support/provide-redis-server.ts'],
    restoreMocks: true,
    isolate: false,
    include: ['src/{config,delivery,handlers,mapping,order-status,webhook}/**/*.spec.ts'],
    // Their random walks take seconds for each change, and another run may walk other ways.
    exclude: ['src/order-status/convergence.spec.ts', 'src/delivery/returning-status.spec.ts'],
    testTimeout: 30_000,
  },
});
