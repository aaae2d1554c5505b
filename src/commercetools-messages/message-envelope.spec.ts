import { describe, expect, it } from 'vitest';
import { Problem } from '../webhook/index.js';
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
  it('opens a Pub/Sub push and takes a bare delivery as it is', () => {
    expect(openEnvelope(pushed(base64(JSON.stringify(message))))).toEqual({ kind: 'message', message });
    expect(openEnvelope(message)).toEqual({ kind: 'message', message });
  });

  it('knows other deliveries of a subscription', () => {
    const created = { notificationType: 'ResourceCreated', projectKey: 'shop', resource: message.resource };
    expect(openEnvelope(created)).toEqual({ kind: 'other' });
  });

  it('knows the type of a message that was too large for the subscription', () => {
    const { type: _type, orderState: _state, ...rest } = message;
    const large = { ...rest, payloadNotIncluded: { reason: 'SizeLimit', payloadType: 'OrderStateChanged' } };
    expect(openEnvelope(large)).toMatchObject({ kind: 'message', message: { type: 'OrderStateChanged' } });
  });

  it.each([
    ['no data', undefined, 'message.data is not Base64'],
    ['data that is empty', '', 'message.data is not Base64'],
    ['data that is no text', 7, 'message.data is not Base64'],
    ['data that is no Base64', '%%%', 'message.data is not Base64'],
    ['Base64 with something else in it', `${base64('{}')}*`, 'message.data is not Base64'],
    ['data that is no JSON', base64('hello'), 'message.data is not JSON'],
    [
      'data that is not UTF-8',
      Buffer.from([0x22, 0xff, 0x22]).toString('base64'),
      'message.data is not valid UTF-8',
    ],
    ['data that nests for ever', base64('['.repeat(100_000)), 'message.data nests deeper than 64 levels'],
    ['a list', base64('[]'), 'the message is not a JSON object'],
    ['nothing', base64('null'), 'the message is not a JSON object'],
  ])('refuses %s', (_, data, detail) => {
    const problem = problemOf(pushed(data));
    expect(problem.getStatus()).toBe(400);
    expect(problem.detail).toBe(detail);
  });

  it('lists every violation at once', () => {
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
