import { describe, expect, it } from 'vitest';
import { violationsOf } from './webhook.controller.js';

const valid = {
  id: 'b34281d0-ada4-11e9-a1a7-5da7a83b9sd97cd',
  name: 'fc.connect.order.webhook.order-status-update',
  accountId: 'ACME',
  retailerId: '1',
  entityId: '123',
  entityRef: 'O_123',
  entityType: 'ORDER',
};

describe('violationsOf', () => {
  it('accepts a notification with only the required fields', () => {
    expect(violationsOf(valid)).toEqual([]);
  });

  it.each([
    ['attributes as an object', { attributes: { a: 1 } }],
    ['attributes as a string', { attributes: '{}' }],
    ['logs as arrays', { trailLogs: [], errorLogs: [{}] }],
    ['nulls in unused fields', { entityStatus: null, type: null, scheduledOn: 1, meta: false }],
    ['null in optional fields', { rootEntityId: null, entitySubtype: 7 }],
    ['unknown fields', { somethingNew: [[[]]] }],
  ])('accepts %s', (_case, extra) => {
    expect(violationsOf({ ...valid, ...extra })).toEqual([]);
  });

  it('returns all violations at once', () => {
    const { id: _id, ...rest } = valid;
    const body = { ...rest, name: ' \t', accountId: 7, retailerId: null, entityRef: 'x'.repeat(513) };
    expect(violationsOf(body)).toEqual([
      { field: 'id', message: 'is missing' },
      { field: 'name', message: 'must not be blank' },
      { field: 'accountId', message: 'must be a string' },
      { field: 'retailerId', message: 'must be a string' },
      { field: 'entityRef', message: 'must have at most 512 characters' },
    ]);
  });

  it('does not read a required field from the prototype', () => {
    const body = JSON.parse(`{"__proto__":${JSON.stringify(valid)}}`) as Record<string, unknown>;
    expect(violationsOf(body)).toHaveLength(7);
    expect(violationsOf(Object.create(valid) as Record<string, unknown>)).toHaveLength(7);
  });
});
