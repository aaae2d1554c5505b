import type { ConnectorError } from '../errors.js';
import {
  classOfStatus,
  type FailureClass,
  failureError,
  isOutageStatus,
  type UpstreamFailure,
  type UpstreamSubject,
} from '../transport/index.js';
import { ConflictError } from './conflict-error.js';

/** In order of precedence. Reading again solves a conflict, and other errors may come from the old data. */
const CLASS_OF_CODE: Readonly<Record<string, FailureClass | 'conflict'>> = {
  ConcurrentModification: 'conflict',
  BadGateway: 'outage',
  OverCapacity: 'outage',
  PendingOperation: 'transient',
  // The write may have happened. A retry is safe because it reads the order before it writes.
  General: 'fault',
  invalid_token: 'configuration',
  insufficient_scope: 'permanent',
  InvalidInput: 'permanent',
  InvalidOperation: 'permanent',
  InvalidField: 'permanent',
  RequiredField: 'permanent',
  DuplicateField: 'permanent',
  ResourceNotFound: 'permanent',
  ReferencedResourceNotFound: 'permanent',
  QueryComplexityLimitExceeded: 'permanent',
};

/** Pure: classifies a failed call to commercetools by the code in the body, or by the status during an outage. */
export function classifyCommercetoolsFailure(
  failure: UpstreamFailure,
  subject: UpstreamSubject,
  operation: string,
): ConnectorError {
  if (isOutageStatus(failure.status)) return failureError('outage', failure, subject, operation);
  const codes = new Set(failure.problems.map((problem) => problem.code));
  for (const [code, failureClass] of Object.entries(CLASS_OF_CODE)) {
    if (!codes.has(code)) continue;
    if (failureClass === 'conflict') {
      return new ConflictError(
        `${subject.owner}: ${operation} failed because another client has changed the order`,
      );
    }
    return failureError(failureClass, failure, subject, operation, { code });
  }
  return failureError(classOfStatus(failure), failure, subject, operation);
}
