import type { PinoLogger } from 'nestjs-pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { HandlerRegistry } from '../handlers/index.js';
import { ConnectorMetrics } from '../metrics/index.js';
import type { MessageQueue } from './message-queue.js';
import { NotificationIntake } from './notification-intake.js';
import { UnhandledNotifications } from './unhandled-notifications.js';

const MINUTE_MS = 60_000;

describe('a notification that no handler takes', () => {
  const info = vi.fn<(fields: Record<string, unknown>, message: string) => void>();
  let metrics: ConnectorMetrics;
  let intake: NotificationIntake;
  let names: string[];

  beforeEach(() => {
    vi.useFakeTimers();
    info.mockReset();
    metrics = new ConnectorMetrics();
    names = ['fc.connect.order.webhook.status-update', 'carrier.*'];
    const registry = {
      find: () => undefined,
      get names() {
        return names;
      },
    } as unknown as HandlerRegistry;
    const logger = { setContext: () => undefined, info } as unknown as PinoLogger;
    intake = new NotificationIntake(
      registry,
      {} as MessageQueue,
      new UnhandledNotifications(registry, metrics, logger),
    );
  });
  afterEach(() => vi.useRealTimers());

  const submit = (name: string, accountId = 'ACME') =>
    intake.submit({
      id: 'b34281d0',
      name,
      accountId,
      retailerId: '1',
      entityId: '123',
      entityRef: 'O_123',
      entityType: 'ORDER',
      attributes: { email: 'jane@example.com' },
    });
  const counted = async (): Promise<Record<string, number>> => {
    const { values } = await metrics.unhandledWebhooks.get();
    return Object.fromEntries(values.map(({ labels, value }) => [`${labels.account} ${labels.name}`, value]));
  };

  it('is answered ignored, and logged with its name and what would make it handled', async () => {
    await expect(submit('fc.connect.order.webhook.status-updat')).resolves.toBe('ignored');
    expect(info).toHaveBeenCalledExactlyOnceWith(
      {
        notificationId: 'b34281d0',
        accountId: 'ACME',
        retailerId: '1',
        name: 'fc.connect.order.webhook.status-updat',
        entityType: 'ORDER',
      },
      'webhook ignored: no handler takes "fc.connect.order.webhook.status-updat". Handlers take ' +
        '"fc.connect.order.webhook.status-update", "carrier.*". If the name is mistyped, correct it in the workflow; if it ' +
        "announces an order's status, add it to ORDER_STATUS_EVENT_NAMES; otherwise add a " +
        "@NotificationHandler('fc.connect.order.webhook.status-updat'). Not logged again for 10 minutes",
    );
  });

  it('is logged once for each name in ten minutes, and counted each time', async () => {
    for (let index = 0; index < 50; index++) await submit('a');
    await submit('b');
    vi.advanceTimersByTime(10 * MINUTE_MS - 1);
    await submit('a');
    expect(info.mock.calls.map(([{ name }]) => name)).toEqual(['a', 'b']);
    vi.advanceTimersByTime(1);
    await submit('a');
    expect(info.mock.calls.map(([{ name }]) => name)).toEqual(['a', 'b', 'a']);
    await expect(counted()).resolves.toEqual({ 'ACME a': 52, 'ACME b': 1 });
  });

  it('fills neither the log nor the metrics, whatever names come', async () => {
    for (let index = 0; index < 1000; index++) await submit(`${index}`.padEnd(1000, 'x'));
    await submit('0'.padEnd(1000, 'x'));
    expect(info).toHaveBeenCalledTimes(20);
    const counts = await counted();
    expect(Object.keys(counts)).toHaveLength(21);
    expect(counts).toMatchObject({ 'ACME other': 980, [`ACME ${'0'.padEnd(100, 'x')}`]: 2 });
    names = Array.from({ length: 500 }, (_, index) => `partner.event.${index}`);
    vi.advanceTimersByTime(10 * MINUTE_MS);
    await submit('c');
    expect(info.mock.lastCall?.[1]).toContain('"partner.event.19" and 480 more. If');
  });
});
