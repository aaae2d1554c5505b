import { Logger } from '@nestjs/common';
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

it('logs which notifications keep their delays when the queue cannot wake them', async () => {
  const breakers = new CircuitBreakers(new ConnectorMetrics());
  breakers.register(TARGET);
  const closed: ((target: string) => void)[] = [];
  vi.spyOn(breakers, 'onClose').mockImplementation((listener) => void closed.push(listener));
  const queue = new MemoryMessageQueue();
  vi.spyOn(queue, 'wake').mockRejectedValue(new Error('Redis is away'));
  const warn = vi.spyOn(Logger.prototype, 'warn').mockReturnValue();
  new ParkedWork(breakers, queue).onModuleInit();
  closed[0]?.(TARGET);
  await vi.waitFor(() => expect(warn).toHaveBeenCalled());
  expect(warn.mock.calls[0]?.[0]).toBe(
    `queue: notifications that wait for ${TARGET} keep their delays: Error: Redis is away`,
  );
});
