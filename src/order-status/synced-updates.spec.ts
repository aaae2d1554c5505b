import { Logger } from '@nestjs/common';
import { describe, expect, it, vi } from 'vitest';
import type { ConnectorConfig } from '../config/index.js';
import { MemoryExpiringKeys } from '../redis/memory-expiring-keys.js';
import { SyncedUpdates, type FluentUpdate } from './synced-updates.js';

const AT = '2026-01-02T03:04:05.678Z';
const UPDATE = { id: '1', updatedOn: AT, status: 'BOOKED' };

function start(intervalSeconds = 300) {
  const keys = new MemoryExpiringKeys();
  const set = vi.spyOn(keys, 'set');
  const config = { reconciliation: { intervalSeconds }, queue: { dedupeWindowSeconds: 7000 } };
  return { set, updates: new SyncedUpdates(keys, config as ConnectorConfig) };
}

describe('an update of an order', () => {
  it.each([AT, '2026-01-02T03:04:05.1Z', '2026-01-02T03:04:05.010Z', '2026-01-02T03:04:05.0001+0000'])(
    'counts as synced once a sync has seen it, for DEDUPE_WINDOW: %s',
    async (updatedOn) => {
      const { updates, set } = start();
      const update = { ...UPDATE, updatedOn };
      expect(await updates.isSynced('ACME', update)).toBe(false);
      await updates.note('ACME', update);
      expect(await updates.isSynced('ACME', update)).toBe(true);
      expect(set.mock.calls).toEqual([
        ['done:synced:["ACME","1"]', JSON.stringify([updatedOn, 'BOOKED']), 7000],
      ]);
    },
  );

  it.each<[string, string, FluentUpdate]>([
    ['a later update', 'ACME', { ...UPDATE, updatedOn: '2026-01-02T03:04:05.679Z' }],
    ['by a server whose clock is behind', 'ACME', { ...UPDATE, updatedOn: '2026-01-02T03:04:05.1Z' }],
    ['with another status within the same millisecond', 'ACME', { ...UPDATE, status: 'SHIPPED' }],
    ['of another account', 'OTHER', UPDATE],
    ['of another order', 'ACME', { ...UPDATE, id: '2' }],
  ])('does not count as synced when the sync has seen another one: %s', async (_, accountId, update) => {
    const { updates } = start();
    await updates.note('ACME', UPDATE);
    expect(await updates.isSynced(accountId, update)).toBe(false);
  });

  it.each<[string, Partial<FluentUpdate>]>([
    ['at a whole second', { updatedOn: '2026-01-02T03:04:05Z' }],
    ['at a whole second with digits', { updatedOn: '2026-01-02T03:04:05.000Z' }],
    ['at a whole second with digits and another zone', { updatedOn: '2026-01-02T03:04:05.000+0100' }],
    ['without a time', { updatedOn: undefined }],
    ['without a status', { status: undefined }],
  ])('never counts as synced when the next one may look the same: %s', async (_, changes) => {
    const { updates, set } = start();
    const update = { ...UPDATE, ...changes };
    await updates.note('ACME', update);
    expect(await updates.isSynced('ACME', update)).toBe(false);
    expect(set).not.toHaveBeenCalled();
  });

  it('is not noted while reconciliation is off', async () => {
    const { updates, set } = start(0);
    await updates.note('ACME', UPDATE);
    expect(set).not.toHaveBeenCalled();
  });

  it('is synced once more when the note could not be kept', async () => {
    const { updates, set } = start();
    set.mockRejectedValue(new Error('Redis is away'));
    const debug = vi.spyOn(Logger.prototype, 'debug').mockReturnValue();
    await updates.note('ACME', UPDATE);
    expect(debug.mock.calls).toEqual([['order 1 of account ACME will be synced once more: Redis is away']]);
    expect(await updates.isSynced('ACME', UPDATE)).toBe(false);
  });
});
