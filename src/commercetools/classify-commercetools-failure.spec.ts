import { describe, expect, it } from 'vitest';
import { ConfigurationError, PermanentError, TransientError } from '../errors.js';
import { OutageError, ServerFaultError, type UpstreamFailure } from '../transport/index.js';
import { classifyCommercetoolsFailure } from './classify-commercetools-failure.js';
import { ConflictError } from './conflict-error.js';

const SUBJECT = {
  owner: 'commercetools project shop',
  credentialVariables: 'CTP_SCOPES',
  urlVariable: 'URL',
  credentials: [],
};
const failure = (status: number | undefined, ...codes: string[]): UpstreamFailure => ({
  status,
  problems: codes.map((code) => ({ code, message: 'failed' })),
});

describe('classifyCommercetoolsFailure', () => {
  it.each<[string, UpstreamFailure, new (...args: never[]) => Error]>([
    ['a conflict at 200', failure(200, 'ConcurrentModification'), ConflictError],
    ['a conflict at 409', failure(409, 'ConcurrentModification'), ConflictError],
    ['a conflict among others', failure(200, 'InvalidOperation', 'ConcurrentModification'), ConflictError],
    ['BadGateway', failure(200, 'BadGateway'), OutageError],
    ['OverCapacity', failure(503, 'OverCapacity'), OutageError],
    ['PendingOperation', failure(200, 'PendingOperation'), TransientError],
    ['General', failure(500, 'General'), ServerFaultError],
    ['General at 503', failure(503, 'General'), OutageError],
    ['HTTP 500', failure(500), ServerFaultError],
    ['InvalidInput', failure(400, 'InvalidInput'), PermanentError],
    ['InvalidOperation at 200', failure(200, 'InvalidOperation'), PermanentError],
    ['InvalidField', failure(200, 'InvalidField'), PermanentError],
    ['RequiredField', failure(200, 'RequiredField'), PermanentError],
    ['ResourceNotFound', failure(200, 'ResourceNotFound'), PermanentError],
    ['ResourceNotFound at 404', failure(404, 'ResourceNotFound'), PermanentError],
    ['insufficient_scope', failure(403, 'insufficient_scope'), PermanentError],
    ['QueryComplexityLimitExceeded', failure(400, 'QueryComplexityLimitExceeded'), PermanentError],
    ['the code before a status that refuses', failure(500, 'InvalidInput'), PermanentError],
    ['503 whatever its code', failure(503, 'InvalidInput'), OutageError],
    ['invalid_token', failure(401, 'invalid_token'), ConfigurationError],
    ['a name that every object has', failure(200, 'constructor'), TransientError],
    ['an unknown code at 200', failure(200, 'Novel'), TransientError],
    ['an unknown code at 400', failure(400, 'Novel'), PermanentError],
    ['HTML at 502', failure(502), OutageError],
    ['429', failure(429), OutageError],
    [
      'no answer',
      { problems: [], cause: Object.assign(new Error('x'), { code: 'ECONNRESET' }) },
      OutageError,
    ],
  ])('%s', (_name, given, type) => {
    const error = classifyCommercetoolsFailure(given, SUBJECT, 'Search');
    expect(error.constructor).toBe(type);
    expect(error.message).toMatch(/^commercetools project shop: Search /);
  });
});
