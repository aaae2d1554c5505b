import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ConfigurationError, PermanentError, TransientError } from '../errors.js';
import { OutageError, ServerFaultError } from './outage-error.js';
import {
  type UpstreamFailure,
  classOfStatus,
  failureError,
  isUnauthorized,
  readAnswer,
  readFailure,
} from './upstream-failure.js';
import { CallTimeoutError } from './upstream-http.js';

const SUBJECT = {
  owner: 'Fluent account ACME',
  credentialVariables: 'FLUENT_PASSWORD',
  urlVariable: 'FLUENT_BASE_URL',
  credentials: [],
};
const withCode = (code: string) => Object.assign(new Error(code), { code });

describe('classOfStatus', () => {
  it.each<[UpstreamFailure['status'] | Error, string]>([
    [302, 'configuration'],
    [400, 'permanent'],
    [401, 'configuration'],
    [403, 'configuration'],
    [404, 'configuration'],
    [408, 'transient'],
    [409, 'transient'],
    [413, 'permanent'],
    [422, 'permanent'],
    [429, 'outage'],
    [500, 'fault'],
    [501, 'fault'],
    [502, 'outage'],
    [503, 'outage'],
    [504, 'outage'],
    [522, 'outage'],
    [200, 'fault'],
    [withCode('ECONNREFUSED'), 'outage'],
    [withCode('UND_ERR_SOCKET'), 'outage'],
    [withCode('UND_ERR_RES_EXCEEDED_MAX_SIZE'), 'transient'],
    [new CallTimeoutError(30_000), 'outage'],
    [new TypeError('Cannot convert undefined or null to object'), 'transient'],
  ])('takes %s for %s', (input, expected) => {
    const failure = typeof input === 'number' ? { status: input } : { cause: input };
    expect(classOfStatus({ problems: [], ...failure })).toBe(expected);
  });

  it('takes an answer with errors that have no code for a failure that may be about one order', () => {
    expect(classOfStatus({ status: 200, problems: [{ message: 'Exception while fetching data' }] })).toBe(
      'transient',
    );
  });
});

describe('readAnswer', () => {
  it.each([
    [
      { errors: [{ message: 'm', extensions: { code: 'InvalidInput' } }] },
      [{ code: 'InvalidInput', message: 'm' }],
    ],
    [
      {
        statusCode: 401,
        message: 'no',
        error: 'invalid_token',
        errors: [{ code: 'invalid_token', message: 'no' }],
      },
      [{ code: 'invalid_token', message: 'no' }],
    ],
    [{ error: 'invalid_grant', error_description: 'Bad' }, [{ code: 'invalid_grant', message: 'Bad' }]],
    [{ message: 'nope' }, [{ message: 'nope' }]],
    [{ errors: ['odd', null] }, []],
    [null, []],
    [[1], []],
  ])('finds the errors of %j', (body, problems) => {
    expect(readAnswer(400, JSON.stringify(body), null).problems).toEqual(problems);
  });

  it('finds none in HTML and keeps Retry-After', () => {
    expect(readAnswer(503, '<html>', '3')).toEqual({ status: 503, problems: [], retryAfterMs: 3000 });
  });
});

describe('failureError', () => {
  const failure = readAnswer(503, '{"errors":[{"message":"busy","extensions":{"code":"Busy"}}]}', '2');

  it('says whom, what and the answer, and carries code and Retry-After', () => {
    const error = failureError('outage', failure, SUBJECT, 'OrderById');
    expect(error).toBeInstanceOf(OutageError);
    expect(error).toMatchObject({ code: 'Busy', retryAfterMs: 2000 });
    expect(error.message).toBe('Fluent account ACME: OrderById was answered with HTTP 503, Busy: busy');
  });

  it.each([
    ['fault', ServerFaultError],
    ['transient', TransientError],
    ['permanent', PermanentError],
    ['configuration', ConfigurationError],
  ] as const)('makes an error of class %s', (failureClass, type) => {
    expect(failureError(failureClass, failure, SUBJECT, 'OrderById')).toBeInstanceOf(type);
  });

  it.each([
    [401, 'check FLUENT_PASSWORD'],
    [403, 'FLUENT_PASSWORD the permission'],
    [404, 'check FLUENT_BASE_URL'],
  ])('says for HTTP %i what to change', (status, advice) => {
    expect(failureError('configuration', { status, problems: [] }, SUBJECT, 'OrderById').message).toContain(
      advice,
    );
  });

  it('names the variable of the time-out', () => {
    const timedOut = readFailure(new CallTimeoutError(30_000));
    expect(failureError('outage', timedOut, SUBJECT, 'OrderById').message).toBe(
      'Fluent account ACME: OrderById got no complete answer within 30000 ms (HTTP_CLIENT_TIMEOUT)',
    );
  });

  it('shows none of the credentials that an answer or a network error repeats, also where their text is cut off', () => {
    const subject = { ...SUBJECT, credentials: ['hunter2-hunter2'] };
    const message = `${'x'.repeat(295)}hunter2-hunter2`;
    const echo = readAnswer(400, JSON.stringify({ errors: [{ code: 'no-hunter2-hunter2', message }] }), null);
    const refused = failureError('permanent', echo, subject, 'OrderById');
    expect(refused.message).toContain('no-[redacted]: xxx');
    expect(refused.code).toBe('no-[redacted]');
    // As undici reports an answer that is no HTTP.
    const cause = Object.assign(new Error('bad header hunter2-hunter2'), {
      code: 'HPE_INVALID_HEADER_TOKEN',
      data: 'x-echo: hunter2-hunter2',
    });
    const broken = failureError('outage', readFailure(cause), subject, 'OrderById');
    expect(broken.cause).toMatchObject({
      code: 'HPE_INVALID_HEADER_TOKEN',
      message: 'bad header [redacted]',
    });
    expect(inspect([refused, broken], { depth: null, showHidden: true })).not.toContain('hunter2');
  });

  it('bounds what an answer can put into a message', () => {
    const errors = Array.from({ length: 50 }, () => ({ message: 'x'.repeat(10_000) }));
    const long = readAnswer(400, JSON.stringify({ errors }), null);
    expect(failureError('permanent', long, SUBJECT, 'OrderById').message.length).toBeLessThan(1100);
  });
});

describe('isUnauthorized', () => {
  it.each([
    [{ status: 401, problems: [] }, true],
    [{ status: 200, problems: [{ code: 'invalid_token', message: '' }] }, true],
    [{ status: 403, problems: [{ code: 'insufficient_scope', message: '' }] }, false],
  ])('of %j is %j', (failure, expected) => {
    expect(isUnauthorized(failure)).toBe(expected);
  });
});
