import { describe, expect, it } from 'vitest';
import type { FluentEventRecord } from '../fluent-events/index.js';
import { byTime, isStatusChange, readStatusChange } from './status-changes.js';

const RULES = ['.SetState', '.ChangeStateGQL'];
const EVENT: FluentEventRecord = {
  id: 'cf486a2e-9892-11ed-a8fc-0242ac120002',
  name: 'ACME.core.SetState',
  eventStatus: 'SUCCESS',
  context: {},
  attributes: [
    { name: 'startTimer', value: 1, type: 'LONG' },
    { name: 'props', value: { status: 'BOOKED' }, type: 'JSON' },
  ],
  generatedOn: '2026-02-05T06:31:56.911+00:00',
};

describe('isStatusChange', () => {
  it.each<[boolean, Partial<FluentEventRecord>]>([
    [true, {}],
    [true, { name: 'ACME.order.ChangeStateGQL', eventStatus: 'COMPLETE' }],
    [false, { name: 'ACME.core.SendWebhook' }],
    [false, { name: 'ACME.core.SetStateLater' }],
    [false, { eventStatus: 'FAILED' }],
    [false, { eventStatus: 'PENDING' }],
    [false, { eventStatus: undefined }],
  ])('is %s for %j', (expected, changes) => {
    expect(isStatusChange({ ...EVENT, ...changes }, RULES)).toBe(expected);
  });

  it('knows the rules that an operator has named', () => {
    expect(isStatusChange({ ...EVENT, name: 'ACME.partner.MoveTo' }, ['.MoveTo'])).toBe(true);
    expect(isStatusChange(EVENT, ['.MoveTo'])).toBe(false);
  });
});

describe('readStatusChange', () => {
  const change = { id: EVENT.id, status: 'BOOKED', at: Date.parse('2026-02-05T06:31:56.911Z') };

  it.each<[string, unknown]>([
    ['a list of names and values', EVENT.attributes],
    ['a list with the value as JSON text', [{ name: 'props', value: '{"status":"BOOKED"}' }]],
    ['an object', { props: { status: 'BOOKED' } }],
    ['an object with JSON text', { props: '{"status":"BOOKED"}' }],
    ['a list with odd neighbours', [null, 7, { name: 'x' }, { name: 'props', value: { status: 'BOOKED' } }]],
  ])('reads %s', (_, attributes) => {
    expect(readStatusChange({ ...EVENT, attributes })).toEqual(change);
  });

  it.each<[string, Partial<FluentEventRecord>]>([
    ['no attributes', { attributes: null }],
    ['no props', { attributes: [{ name: 'other', value: { status: 'BOOKED' } }] }],
    ['no status', { attributes: { props: {} } }],
    ['an empty status', { attributes: { props: { status: '' } } }],
    ['a status that is not text', { attributes: { props: { status: 7 } } }],
    ['broken JSON text', { attributes: { props: '{"status":' } }],
    ['text as its attributes', { attributes: '{"props":{"status":"BOOKED"}}' }],
    ['no time', { generatedOn: undefined }],
    ['a time that cannot be read', { generatedOn: 'yesterday' }],
    ['no id', { id: '' }],
  ])('guesses nothing from an event with %s', (_, changes) => {
    expect(readStatusChange({ ...EVENT, ...changes })).toBeUndefined();
  });
});

describe('byTime', () => {
  const at = (ms: number, id: string) => ({ id, status: id, at: ms });
  // The first group of a UUID of version 1 is the lowest part of its time, the third the highest.
  const [first, second, third] = [
    'ffffffff-0001-11ed-a8fc-0242ac120002',
    '00000000-0002-11ed-a8fc-0242ac120002',
    '00000000-0000-11ee-a8fc-0242ac120002',
  ] as const;

  it('sorts by time', () => {
    expect([at(2, first), at(1, third)].toSorted(byTime).map(({ at: time }) => time)).toEqual([1, 2]);
  });

  it('sorts equal times by the time in the id, whatever the text looks like', () => {
    const changes = [at(1, third), at(1, second), at(1, first)];
    expect(changes.toSorted(byTime).map(({ id }) => id)).toEqual([first, second, third]);
  });

  it('keeps the order of the log when the ids do not contain a time', () => {
    const changes = [at(1, 'b'), at(1, '1d3a6a1e-9892-41ed-a8fc-0242ac120002'), at(1, 'a')];
    expect(changes.toSorted(byTime)).toEqual(changes);
  });
});
