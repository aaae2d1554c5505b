import { afterEach, expect, it, vi } from 'vitest';
import { CircuitOpenError } from '../errors.js';
import { ConnectorMetrics } from '../metrics/index.js';
import { sampleNotification } from '../testing/sample-notification.js';
import { CircuitBreakers, OutageError } from '../transport/index.js';
import { MemoryMessageQueue } from './memory/memory-message-queue.js';
import { ParkedWork } from './parked-work.js';

const TARGET = 'fluent:ACME';

afterEach(() => void vi.useRealTimers());

it('delivers what waits for a target as soon as the probe of its circuit succeeds', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  const breakers = new CircuitBreakers(new ConnectorMetrics());
  breakers.register(TARGET);
  const queue = new MemoryMessageQueue();
  new ParkedWork(breakers, queue).onModuleInit();
  const probe = (call: () => Promise<unknown>): Promise<unknown> => breakers.execute(TARGET, call);
  for (let calls = 0; calls < 10; calls++) {
    await probe(() => Promise.reject(new OutageError('down'))).catch(() => undefined);
  }
  expect(breakers.states()).toEqual({ [TARGET]: 'open' });

  await queue.add(sampleNotification({ id: 'parked' }));
  const [delivery] = await queue.take(1, AbortSignal.timeout(10_000));
  const error = new CircuitOpenError(TARGET, 1000);
  await queue.settle(delivery!, { action: 'defer', delayMs: 600_000, progress: {}, error });

  vi.advanceTimersByTime(1000);
  await probe(() => Promise.reject(new OutageError('still down'))).catch(() => undefined);
  expect(await queue.counts()).toMatchObject({ delayed: 1 });
  expect(await queue.take(1, AbortSignal.timeout(100))).toEqual([]);

  vi.advanceTimersByTime(2000);
  await probe(() => Promise.resolve('answer'));
  const [woken] = await queue.take(1, AbortSignal.timeout(10_000));
  expect(woken?.notification.id).toBe('parked');
});
