import { describe, expect, it } from 'vitest';
import { classifyCommercetoolsFailure } from '../commercetools/classify-commercetools-failure.js';
import { classifyFluentFailure } from '../fluent/classify-fluent-failure.js';
import { ConfigurationError, PermanentError, TransientError } from '../errors.js';
import { classifyTokenFailure } from '../transport/oauth-token.js';
import { failureError } from '../transport/upstream-failure.js';
import { causeOf, type FailureCause } from './failure-cause.js';
import { describeError } from './retry-policy.js';

const SUBJECT = {
  owner: 'Fluent account ACME',
  credentialVariables: 'FLUENT_USERNAME',
  urlVariable: 'FLUENT_BASE_URL',
  credentials: [],
};
const answer = (status: number, ...problems: { code?: string; message: string }[]) => ({ status, problems });

describe('causeOf', () => {
  it.each<[FailureCause, string, string]>([
    ['configuration', 'ConfigurationError', 'a text about HTTP 403 and a permission'],
    ['configuration', 'ConfigurationError', 'setting the.mapping does not exist'],
    ['data', 'PermanentError', 'the order belongs to retailer 2'],
    ['data', 'OrderNotFoundError', 'the project has no order O_5 [OrderNotFound]'],
    ['data', 'TransientError', 'the account has no order with id 5 [FluentOrderNotFound]'],
    ['unknown', 'TransientError', 'commercetools answered HTTP 502'],
    ['unknown', 'TransientError', 'commercetools answered HTTP 4031'],
    ['unknown', 'TransientError', '[OrderNotFound] is not the end of this message'],
  ])('is %s for %s: %s', (cause, name, message) => {
    expect(causeOf({ name, message })).toBe(cause);
  });

  it('is permission for an error that says so, whatever its class and text', () => {
    expect(causeOf({ name: 'PermanentError', message: 'no', lacksPermission: true })).toBe('permission');
  });

  it.each<[FailureCause, string, unknown]>([
    ['permission', 'a token that was refused', classifyFluentFailure(answer(401), SUBJECT, 'OrderById')],
    [
      'permission',
      'a refused token of commercetools',
      classifyCommercetoolsFailure(answer(200, { code: 'invalid_token', message: 'no' }), SUBJECT, 'x'),
    ],
    [
      'permission',
      "a documented code of Fluent's about a permission",
      classifyFluentFailure(
        answer(200, { code: 'C0999E', message: 'You lack the permission' }),
        SUBJECT,
        'x',
      ),
    ],
    ['permission', 'refused credentials', classifyTokenFailure(answer(400), SUBJECT)],
    ['permission', 'a refused call', classifyFluentFailure(answer(403), SUBJECT, 'OrderById')],
    [
      'permission',
      'a missing scope',
      failureError(
        'permanent',
        answer(200, { code: 'insufficient_scope', message: 'no' }),
        SUBJECT,
        'updateOrder',
      ),
    ],
    ['configuration', 'a wrong address', classifyFluentFailure(answer(404), SUBJECT, 'OrderById')],
    ['configuration', 'a mapping that cannot be used', new ConfigurationError('setting x is not a mapping')],
    ['data', 'what no repetition heals', new PermanentError('the order belongs to another retailer')],
    ['data', 'an order that never came', new TransientError('no order', { code: 'OrderNotFound' })],
    ['unknown', 'an outage', classifyFluentFailure(answer(503), SUBJECT, 'OrderById')],
    ['unknown', 'anything else', new Error('boom')],
  ])('is %s for %s, as it is kept', (cause, _, error) => {
    expect(causeOf(describeError(error))).toBe(cause);
  });
});
