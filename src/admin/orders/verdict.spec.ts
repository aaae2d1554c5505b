import { describe, expect, it } from 'vitest';
import type { OrderNow, OrderStory } from './order-schemas.js';
import { verdictOf } from './verdict.js';

const FLUENT = { id: '1', ref: 'O_1', retailer: '1', status: 'COMPLETE' };
const SHOP = { project: 'shop', id: 'c', version: 1, orderState: 'Open' };
const DIFFERENT = {
  readAt: '',
  mappings: [],
  hooks: [],
  fluent: FLUENT,
  commercetools: SHOP,
  difference: [{ state: 'orderState', is: 'Open', shouldBe: 'Complete' }],
} as unknown as OrderNow;
const FORBIDDEN = 'Fluent account ACME: OrderById was answered with HTTP 403';

function failing(message: string): OrderNow {
  return {
    ...DIFFERENT,
    difference: [],
    problem: { name: 'ConfigurationError', message, cause: 'permission' },
  };
}

function story(...notifications: readonly object[]): OrderStory {
  return { notifications } as unknown as OrderStory;
}

describe('the verdict', () => {
  it('says why nothing has corrected a difference when no notification of the status came', () => {
    const wanted = 'No notification of COMPLETE is on record: check the webhook rule in Fluent';
    expect(verdictOf('O_1', DIFFERENT, story({ announced: 'BOOKED', outcome: 'updated' }))).toContain(wanted);
    expect(verdictOf('O_1', DIFFERENT, story({ announced: 'COMPLETE', outcome: 'updated' }))).not.toContain(
      wanted,
    );
  });

  it('says when it is not known whether a notification of the status came', () => {
    const unread = { notifications: [], problem: 'Command timed out' } as unknown as OrderStory;
    const verdict = verdictOf('O_1', DIFFERENT, unread);
    expect(verdict).toContain('Whether a notification of COMPLETE came is not known: Command timed out.');
    expect(verdict).not.toContain('is on record');
    expect(verdictOf('O_1', { ...DIFFERENT, difference: [] }, unread)).not.toContain('not known');
  });

  it('consists of sentences, and tells a reason once', () => {
    const retried = { outcome: 'retried', attempts: 3, error: { name: 'E', message: FORBIDDEN } };
    expect(verdictOf('O_1', failing(FORBIDDEN), story(retried))).toBe(
      `Order O_1 cannot be compared: ${FORBIDDEN}. The notification is retried (attempt 3) for this reason.`,
    );
    const dead = { outcome: 'dead', attempts: 9, error: { name: 'E', message: 'not there' } };
    expect(verdictOf('O_1', failing(FORBIDDEN), story(dead))).toBe(
      `Order O_1 cannot be compared: ${FORBIDDEN}. The notification failed for good: not there. ` +
        'Replay the dead letter when that is healed.',
    );
  });

  it('names the hooks that have something to send when the states agree', () => {
    const agreeing = { ...DIFFERENT, difference: [] };
    const silent = { hook: 'GiftHook', actions: [] };
    expect(verdictOf('O_1', { ...agreeing, hooks: [silent] }, story())).toMatch(/^Both agree: /);
    const hooks = [{ hook: 'TrackingHook', actions: ['setCustomField'] }, silent];
    expect(verdictOf('O_1', { ...agreeing, hooks }, story())).toBe(
      "The states agree with Fluent's status COMPLETE, but the hooks have something to send: " +
        'TrackingHook adds setCustomField. Sync the order to correct it.',
    );
    const lost = [{ ...silent, lost: 'no such field' }];
    expect(verdictOf('O_1', { ...agreeing, hooks: lost }, story())).toContain(
      'The order is updated without GiftHook: no such field.',
    );
  });

  it('advises a sync only when no notification of the order is under way or a dead letter', () => {
    const advice = 'Sync the order to correct it.';
    const ended = { announced: 'COMPLETE', outcome: 'updated' };
    const failed = { ...ended, attempts: 2, error: { name: 'E', message: 'hook GiftHook: refused' } };
    const waiting = { ...ended, outcome: 'waiting', acceptedAt: '2026-11-21T10:00:00.000Z' };
    const healed = { ...failed, outcome: 'dead', healedAt: '2026-11-21T10:00:00.000Z' };
    for (const open of [waiting, { ...failed, outcome: 'retried' }, { ...failed, outcome: 'dead' }]) {
      const verdict = verdictOf('O_1', DIFFERENT, story(ended, open));
      expect(verdict).toContain('orderState is Open and should be Complete.');
      expect(verdict).not.toContain(advice);
    }
    expect(verdictOf('O_1', DIFFERENT, story(failed, ended))).toContain(advice);
    expect(verdictOf('O_1', DIFFERENT, story(healed))).toContain(advice);
  });
});
