import { describe, expect, it } from 'vitest';
import type { OrderNow, OrderStory } from './order-schemas.js';
import { verdictOf } from './verdict.js';

const FLUENT = { id: '1', ref: 'O_1', retailer: '1', status: 'COMPLETE' };
const SHOP = { project: 'shop', id: 'c', version: 1, orderState: 'Open' };
const DIFFERENT = {
  readAt: '',
  mappings: [],
  otherActions: [],
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
    const unknown = { notifications: [], problem: 'HISTORY_TTL=0' } as unknown as OrderStory;
    expect(verdictOf('O_1', DIFFERENT, unknown)).not.toContain(wanted);
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

  it.each([
    'hook TrackingHook: commercetools refuses its update actions: no type; correct the hook',
    'hook TrackingHook reads fluentOrder.fields.x, but its fluentFields do not ask for it; correct the name',
  ])('does not advise a sync that the same hook would stop: %s', (message) => {
    const stopped = { announced: 'COMPLETE', outcome: 'retried', attempts: 2, error: { name: 'E', message } };
    const verdict = verdictOf('O_1', DIFFERENT, story(stopped));
    expect(verdict).not.toContain('Sync the order');
    expect(verdict).toContain(`retried (attempt 2): ${message}.`);
    const busy = { ...stopped, error: { name: 'E', message: 'HTTP 503' } };
    expect(verdictOf('O_1', DIFFERENT, story(busy))).toContain('Sync the order to correct it.');
    expect(verdictOf('O_1', DIFFERENT, story(stopped, { outcome: 'updated' }))).toContain('Sync the order');
  });
});
