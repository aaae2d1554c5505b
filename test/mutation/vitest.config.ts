import { defineConfig } from 'vitest/config';

/** The unit specs of what is mutated; none of them needs Redis. */
export default defineConfig({
  test: {
    setupFiles: ['reflect-metadata'],
    restoreMocks: true,
    include: ['src/{config,delivery,handlers,mapping,order-status,webhook}/**/*.spec.ts'],
  },
});
