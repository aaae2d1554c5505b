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

/** In order of precedence: a conflict is solved by reading again, whatever else was wrong with old data. */
const CLASS_OF_CODE: Readonly<Record<string, FailureClass | 'conflict'>> = {
  ConcurrentModification: 'conflict',
  BadGateway: 'outage',
  OverCapacity: 'outage',
  PendingOperation: 'transient',
  // May have been written all the same: whoever repeats the work reads the order before it writes.
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

/** Pure: what a failed call to commercetools means. The code in the body decides, unless the status says that it is down. */
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
      return new ConflictError(`${subject.owner}: ${operation} met a version that somebody else had written`);
    }
    return failureError(failureClass, failure, subject, operation, code);
  }
  return failureError(classOfStatus(failure), failure, subject, operation);
}
