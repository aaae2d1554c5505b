import { describe, expect, it, vi } from 'vitest';
import type { HandlerRegistry } from '../handlers/index.js';
import type { FluentNotification } from '../notification/index.js';
import { sampleNotification } from '../testing/sample-notification.js';
import { MemoryMessageQueue } from './memory/memory-message-queue.js';
import { QueueUnavailableError, type AddResult } from './message-queue.js';
import { NotificationIntake } from './notification-intake.js';
import type { UnhandledNotifications } from './unhandled-notifications.js';

const notification = sampleNotification({ name: 'parcel-shipped', entityId: '5', entityRef: 'O_5' });

function setUp() {
  const queue = new MemoryMessageQueue();
  const add = vi.spyOn(queue, 'add');
  const report = vi.fn<(ignored: FluentNotification) => void>();
  const handler = {
    coalesceKey: ({ entityId }: FluentNotification) => `key of ${entityId}`,
    expectedState: ({ entityRef }: FluentNotification) => `state of ${entityRef}`,
  };
  const registry = { find: (name: string) => (name === notification.name ? handler : undefined) };
  const intake = new NotificationIntake(registry as unknown as HandlerRegistry, queue, {
    report,
  } as unknown as UnhandledNotifications);
  return { intake, queue, add, report };
}

describe('NotificationIntake', () => {
  it('adds a notification with what its handler says of it, once', async () => {
    const { intake, add, report } = setUp();
    expect(await intake.submit(notification)).toBe('accepted');
    expect(await intake.submit(notification)).toBe('duplicate');
    expect(add.mock.calls[0]).toEqual([
      notification,
      { coalesceKey: 'key of 5', expectedState: 'state of O_5', background: false, trace: undefined },
    ]);
    expect(report).not.toHaveBeenCalled();
  });

  it('adds what reconciliation submits to the background', async () => {
    const { intake, add } = setUp();
    await intake.submit({ ...notification, id: 'reconciliation:5' });
    expect(add.mock.calls[0]?.[1]).toMatchObject({ background: true });
  });

  it('reports a notification that no handler takes, and does not add it', async () => {
    const { intake, add, report } = setUp();
    const other = { ...notification, name: 'nobody' };
    expect(await intake.submit(other)).toBe('ignored');
    expect(report.mock.calls).toEqual([[other]]);
    expect(add).not.toHaveBeenCalled();
  });

  it('calls its listeners for what is accepted, and not for duplicates or what nobody handles', async () => {
    const { intake } = setUp();
    const listener = vi.fn<(accepted: FluentNotification) => void>();
    intake.onAccepted(listener);
    await intake.submit(notification);
    await intake.submit(notification);
    await intake.submit({ ...notification, id: 'other', name: 'nobody' });
    expect(listener.mock.calls).toEqual([[notification]]);
  });

  it('confirms nothing that a replaced queue has not confirmed', async () => {
    const { intake, add } = setUp();
    add.mockResolvedValueOnce(undefined as unknown as AddResult);
    await expect(intake.submit(notification)).rejects.toThrow(
      "MemoryMessageQueue.add() returned neither 'accepted' nor 'duplicate'",
    );
    add.mockRejectedValueOnce(new QueueUnavailableError('away'));
    await expect(intake.submit(notification)).rejects.toBeInstanceOf(QueueUnavailableError);
  });
});
