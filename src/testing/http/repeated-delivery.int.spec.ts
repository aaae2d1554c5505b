import { expect, it, onTestFinished, vi } from 'vitest';
import { startLocalServer } from '../../../test/support/local-server.js';
import { RepeatedDelivery } from './repeated-delivery.js';

it('lets many deliveries wait for their next attempt without a warning, and ends their wait when it is closed', async () => {
  const warnings: string[] = [];
  const listener = (warning: Error) => void warnings.push(warning.name);
  process.on('warning', listener);
  onTestFinished(() => void process.off('warning', listener));
  await using server = await startLocalServer(() => ({ status: 503, text: 'later' }));
  // Asked right before each pause.
  const worthRetrying = vi.fn<() => boolean>(() => true);
  const deliveries = new RepeatedDelivery({
    delaysMs: [600_000],
    timeoutMs: 60_000,
    worthRetrying,
  });
  const sent = Array.from({ length: 20 }, () => deliveries.send(server.url, '{}', {}));
  await vi.waitFor(() => expect(worthRetrying).toHaveBeenCalledTimes(20), { timeout: 10_000 });
  await deliveries.close();
  expect((await Promise.all(sent)).map(({ result }) => result)).toEqual(Array(20).fill('failed'));
  expect(warnings).not.toContain('MaxListenersExceededWarning');
});
