import type { Logger } from 'pino';
import { expect, it, vi } from 'vitest';
import { withLazyLogger } from './lazy-logger.js';

it('makes the logger when it is read, and a copy has it', () => {
  const logger = { level: 'info' } as Logger;
  const make = vi.fn<() => Logger>(() => logger);
  const context = withLazyLogger({ attempt: 1 }, make);
  expect(context.attempt).toBe(1);
  expect(make).not.toHaveBeenCalled();
  expect(context.logger).toBe(logger);
  const copy = { ...context, attempt: 2 };
  expect(copy.logger).toBe(logger);
  expect(Reflect.ownKeys(copy)).toEqual(['attempt', 'logger']);
});
