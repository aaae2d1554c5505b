import { describe, expect, it } from 'vitest';
import { Problem } from '../http/index.js';
import { openEnvelope } from './message-envelope.js';

const message = {
  notificationType: 'Message',
  projectKey: 'shop',
  id: 'm-1',
  version: 1,
  sequenceNumber: 2,
  resource: { typeId: 'order', id: 'o-1' },
  resourceVersion: 7,
  type: 'OrderStateChanged',
  orderId: 'o-1',
  orderState: 'Cancelled',
  oldOrderState: 'Open',
};

function pushed(data: unknown): unknown {
  return { message: { data, messageId: '1' }, subscription: 'projects/p/subscriptions/s' };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

function problemOf(body: unknown): Problem {
  try {
    openEnvelope(body);
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('openEnvelope', () => {
  it('reads a delivery with and without a Pub/Sub envelope', () => {
    expect(openEnvelope(pushed(base64(JSON.stringify(message))))).toEqual({ kind: 'message', message });
    expect(openEnvelope(message)).toEqual({ kind: 'message', message });
  });

  it('recognizes other kinds of delivery', () => {
    const created = { notificationType: 'ResourceCreated', projectKey: 'shop', resource: message.resource };
    expect(openEnvelope(created)).toEqual({ kind: 'other' });
  });

  it('reads the type of a message that was too large for the subscription', () => {
    const { type: _type, orderState: _state, ...rest } = message;
    const large = { ...rest, payloadNotIncluded: { reason: 'SizeLimit', payloadType: 'OrderStateChanged' } };
    expect(openEnvelope(large)).toMatchObject({ kind: 'message', message: { type: 'OrderStateChanged' } });
  });

  it.each([
    ['an envelope without data', undefined, 'message.data is not Base64'],
    ['empty data', '', 'message.data is not Base64'],
    ['data that is a number', 7, 'message.data is not Base64'],
    ['data that is not Base64', '%%%', 'message.data is not Base64'],
    ['Base64 with something else in it', `${base64('{}')}*`, 'message.data is not Base64'],
    ['data that is not JSON', base64('hello'), 'message.data is not JSON'],
    [
      'data that is not UTF-8',
      Buffer.from([0x22, 0xff, 0x22]).toString('base64'),
      'message.data is not valid UTF-8',
    ],
    ['data that nests too deep', base64('['.repeat(100_000)), 'message.data nests deeper than 64 levels'],
    ['data that is an array', base64('[]'), 'the message is not a JSON object'],
    ['data that is null', base64('null'), 'the message is not a JSON object'],
  ])('refuses %s', (_, data, detail) => {
    const problem = problemOf(pushed(data));
    expect(problem.getStatus()).toBe(400);
    expect(problem.detail).toBe(detail);
  });

  it('lists every violation of a message at once', () => {
    const wrong = {
      ...message,
      id: ' ',
      type: 1,
      projectKey: 'p'.repeat(513),
      resource: { typeId: 'order' },
    };
    expect(problemOf(wrong).extensions).toEqual({
      violations: [
        { field: 'id', message: 'must not be blank' },
        { field: 'type', message: 'must be a string' },
        { field: 'projectKey', message: 'must have at most 512 characters' },
        { field: 'resource.id', message: 'is missing' },
      ],
    });
  });
});
