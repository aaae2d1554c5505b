import { describe, expect, it } from 'vitest';
import { ConfigurationError, PermanentError, TransientError } from '../errors.js';
import { OutageError, ServerFaultError, type UpstreamFailure } from '../transport/index.js';
import { causeOf } from '../delivery/failure-cause.js';
import { outcomeOf } from '../transport/call-metrics.js';
import { classifyFluentFailure } from './classify-fluent-failure.js';

const SUBJECT = {
  owner: 'Fluent account ACME',
  credentialVariables: 'FLUENT_PASSWORD',
  urlVariable: 'URL',
  credentials: [],
};
const named = (...codes: string[]): UpstreamFailure => ({
  status: 200,
  problems: codes.map((code) => ({ code, message: 'failed' })),
});
const letter = ({ name, message }: Error) => ({ name, message });
const saying = (message: string, status = 200): UpstreamFailure => ({ status, problems: [{ message }] });

describe('classifyFluentFailure', () => {
  it.each<[string, UpstreamFailure, new (...args: never[]) => Error, string | undefined]>([
    ['the rate limit', named('C0011E'), OutageError, 'C0011E'],
    ['a retryable client error', named('C0003E'), TransientError, 'C0003E'],
    ['a retryable service error', named('S0002E'), ServerFaultError, 'S0002E'],
    ['a retryable service error', named('S0020E'), ServerFaultError, 'S0020E'],
    ['a retryable service error', named('S0040E'), ServerFaultError, 'S0040E'],
    ['an undocumented service error', named('S9999E'), ServerFaultError, 'S9999E'],
    ['any technical error', named('T0001E'), ServerFaultError, 'T0001E'],
    ['another client error', named('C0121E'), PermanentError, 'C0121E'],
    ['a client warning', named('C0042W'), PermanentError, 'C0042W'],
    ['a code inside the message', saying('Error C0121E: no such field'), PermanentError, 'C0121E'],
    ['a retryable code inside the message', saying('[T0007E] later'), ServerFaultError, 'T0007E'],
    [
      "a code of Fluent's behind a general one",
      { status: 200, problems: [{ code: 'BAD_REQUEST', message: 'C0121E: no such field' }] },
      PermanentError,
      'C0121E',
    ],
    ['a retryable code beside a permanent one', named('C0121E', 'T0001E'), ServerFaultError, 'T0001E'],
    ['no code at all', saying('something'), TransientError, undefined],
    ['something like a code inside a word', saying('REFC0121EX is wrong'), TransientError, undefined],
    ['a code at HTTP 400', { ...named('C0121E'), status: 400 }, PermanentError, 'C0121E'],
    ['a code at HTTP 500', { ...named('C0121E'), status: 500 }, PermanentError, 'C0121E'],
    ['HTTP 401 whatever its code', { ...named('C0103E'), status: 401 }, ConfigurationError, 'C0103E'],
    ['a missing permission by its code', named('C0020E'), ConfigurationError, 'C0020E'],
    ['a missing permission beside a wrong request', named('C0121E', 'C0020E'), ConfigurationError, 'C0020E'],
    ['an unknown client code at HTTP 403', { ...named('C0777E'), status: 403 }, ConfigurationError, 'C0777E'],
    ['too much complexity by its code', named('C0001E'), PermanentError, 'C0001E'],
    ['HTTP 403', { status: 403, problems: [] }, ConfigurationError, undefined],
    ['HTTP 413', { status: 413, problems: [] }, PermanentError, undefined],
    ['HTML at 502', { status: 502, problems: [] }, OutageError, undefined],
    ['HTML at 200', { status: 200, problems: [] }, ServerFaultError, undefined],
    ['HTTP 500', { status: 500, problems: [] }, ServerFaultError, undefined],
    ["Fluent's own overload", { ...named('S0020E'), status: 503 }, OutageError, 'S0020E'],
    ['HTTP 502 whatever its code', { ...named('C0121E'), status: 502 }, OutageError, 'C0121E'],
    ['HTTP 504 whatever its code', { ...named('T0001E'), status: 504 }, OutageError, 'T0001E'],
  ])('%s', (_name, failure, type, code) => {
    const error = classifyFluentFailure(failure, SUBJECT, 'OrderById');
    expect(error.constructor).toBe(type);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(/^Fluent account ACME: OrderById /);
  });

  it('honours Retry-After at HTTP 429, whatever its code', () => {
    const failure = { ...named('C0121E'), status: 429, retryAfterMs: 7000 };
    const error = classifyFluentFailure(failure, SUBJECT, 'OrderById');
    expect(error).toBeInstanceOf(OutageError);
    expect(error).toMatchObject({ retryAfterMs: 7000 });
  });

  it.each([
    'C0777E: User does not have permission ORDER_VIEW',
    'C0777E: missing permissions: [ORDER_VIEW]',
    'S9999E: Access is denied',
    'T0001E: unauthorised for this account',
    'You are not authorized to read orders',
    'Forbidden',
    'the user is not allowed to query settings',
    'Insufficient privileges',
  ])('treats an unknown code with a text about permissions like HTTP 403: %s', (message) => {
    const error = classifyFluentFailure(saying(message), SUBJECT, 'OrderById');
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error.message).toMatch(/; give the user or API client of FLUENT_PASSWORD the permission$/);
    const at403 = classifyFluentFailure({ status: 403, problems: [] }, SUBJECT, 'OrderById');
    expect([outcomeOf(error), causeOf(letter(error))]).toEqual([outcomeOf(at403), causeOf(letter(at403))]);
  });

  it.each([
    ['C0121E: the value is not allowed for field type', PermanentError],
    ['C0003E: no permission to hurry', TransientError],
  ])('does not mistake others for one about permissions: %s', (message, type) => {
    expect(classifyFluentFailure(saying(message), SUBJECT, 'OrderById').constructor).toBe(type);
  });

  it('says how to make a query less complex', () => {
    const error = classifyFluentFailure(named('C0001E'), SUBJECT, 'Orders');
    expect(error.message).toContain('complexity of 11,111');
  });
});
