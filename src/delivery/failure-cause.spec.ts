import { describe, expect, it } from 'vitest';
import { causeOf, type FailureCause } from './failure-cause.js';

describe('causeOf', () => {
  it.each<[FailureCause, string, string]>([
    ['permission', 'ConfigurationError', 'commercetools answered HTTP 401: check CTP_CLIENT_SECRET'],
    ['permission', 'PermanentError', 'Fluent answered HTTP 403'],
    ['permission', 'TransientError', 'the token lacks a scope: insufficient_scope'],
    ['permission', 'TransientError', 'refused: invalid_token'],
    ['permission', 'ConfigurationError', 'the user lacks the Permission ORDER_VIEW'],
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
});
