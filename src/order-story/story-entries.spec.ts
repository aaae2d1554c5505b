import { describe, expect, it } from 'vitest';
import type { Delivery, RunReport } from '../delivery/index.js';
import { sampleNotification } from '../testing/sample-notification.js';
import { endedEntry, storyKeyOf, unfinishedEntry } from './story-entries.js';

const LONG = 'x'.repeat(5000);
const ACCEPTED_AT = new Date(1_700_000_000_000);

function ended(outcome: RunReport['outcome'], fields: object = {}, progress: Delivery['progress'] = {}) {
  const notification = sampleNotification({ id: 'n', entityStatus: 'BOOKED', ...fields });
  const acceptedNumber = ACCEPTED_AT.getTime() * 1000;
  const delivery = { id: 'd', notification, acceptedNumber, progress, coalesceKey: 'k' } as Delivery;
  return endedEntry({ notification, outcome, attempt: 2, lagMs: 1 }, delivery);
}

describe('the entry of a run that has ended', () => {
  it('names the last error also when the run then succeeded', () => {
    const error = { name: 'TransientError', message: 'busy', lacksPermission: true };
    expect(ended('updated', {}, { error })).toMatchObject({
      notificationId: 'n',
      announced: 'BOOKED',
      acceptedAt: ACCEPTED_AT.getTime(),
      outcome: 'updated',
      attempt: 2,
      error: { name: 'TransientError', message: 'busy' },
    });
  });

  it('says how to find a dead letter, and what heals it', () => {
    expect(ended('dead')).toMatchObject({ deadLetterId: 'd', coalesceKey: 'k' });
    expect(ended('retried')).toMatchObject({ deadLetterId: undefined, coalesceKey: undefined });
  });

  it('is bounded, whatever a notification and an error say', () => {
    const progress = { error: { name: LONG, message: LONG } };
    const entry = ended('updated', { id: LONG, name: LONG, entityStatus: LONG }, progress);
    expect(JSON.stringify(entry).length).toBeLessThan(1000);
  });
});

describe('the entry of an unfinished notification', () => {
  const notification = sampleNotification({ id: 'n', entityStatus: 'BOOKED' });
  const error = { name: 'TransientError', message: 'busy' };
  const failures = { attempts: 3, holds: 0, heldMs: 0 };
  const keptAs = (outcome: 'retried' | 'dead') =>
    new Map([['n', { ...ended(outcome), attempt: 3, error, details: { seen: true } }]]);

  it('waits since it was accepted', () => {
    const at = ACCEPTED_AT.getTime();
    expect(unfinishedEntry({ notification, acceptedAt: ACCEPTED_AT, progress: {} }, new Map())).toEqual({
      notificationId: 'n',
      name: notification.name,
      announced: 'BOOKED',
      acceptedAt: at,
      at,
      outcome: 'accepted',
      attempt: 0,
      error: undefined,
    });
  });

  it('is the kept entry of its last attempt, and without one says what the queue knows', () => {
    const unfinished = { notification, acceptedAt: ACCEPTED_AT, progress: { error, failures } };
    expect(unfinishedEntry(unfinished, keptAs('retried'))).toMatchObject({ details: { seen: true } });
    expect(unfinishedEntry(unfinished, new Map())).toMatchObject({ outcome: 'retried', attempt: 3, error });
    const heldBack = { ...unfinished, progress: { error, failures: { ...failures, attempts: 0 } } };
    expect(unfinishedEntry(heldBack, new Map())).toMatchObject({ outcome: 'retried', attempt: 1 });
  });

  it('waits again when the kept entry is of a dead letter that was replayed', () => {
    const replayed = { notification, acceptedAt: ACCEPTED_AT, progress: {} };
    expect(unfinishedEntry(replayed, keptAs('dead'))).toMatchObject({ outcome: 'accepted', attempt: 0 });
  });
});

describe('the order of a notification', () => {
  const child = { entityType: 'FULFILMENT', entityId: 'f', entityRef: 'F_1', rootEntityType: 'ORDER' };

  it.each([
    ['its entity', {}, 'O_123'],
    ['its root entity', { ...child, rootEntityId: '7', rootEntityRef: 'O_7' }, 'O_7'],
    ['its root entity without a ref', { ...child, rootEntityId: '7' }, '#7'],
    ['a commercetools order', { entityType: 'commercetools.order', entityRef: 'O_8' }, 'O_8'],
  ])('is %s', (_, fields, order) => {
    expect(storyKeyOf(sampleNotification(fields))).toEqual({ accountId: 'ACME', order });
  });

  it('does not exist when it is about something else', () => {
    expect(storyKeyOf(sampleNotification({ entityType: 'LOCATION' }))).toBeUndefined();
  });
});
