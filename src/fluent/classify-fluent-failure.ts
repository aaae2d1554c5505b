import type { ConnectorError } from '../errors.js';
import {
  classOfStatus,
  type FailureClass,
  failureError,
  isOutageStatus,
  type UpstreamFailure,
  type UpstreamProblem,
  type UpstreamSubject,
} from '../transport/index.js';

/** Fluent's error codes: client, service or technical, four digits, error or warning. */
const FLUENT_CODE = /\b[CST]\d{4}[EW]\b/;

/** The first rule that matches any of the codes decides. */
const RULES: readonly (readonly [RegExp, FailureClass])[] = [
  [/^C0011E$/, 'outage'],
  [/^[ST]/, 'fault'],
  [/^C0003E$/, 'transient'],
  [/^C/, 'permanent'],
];

/**
 * Pure: classifies a failed call to Fluent. Service and technical errors are retried, including undocumented ones. Client
 * errors are retried only if Fluent documents them as retryable.
 */
export function classifyFluentFailure(
  failure: UpstreamFailure,
  subject: UpstreamSubject,
  operation: string,
): ConnectorError {
  // These statuses concern the caller or the load, whatever the code is.
  if (failure.status === 401 || isOutageStatus(failure.status)) {
    return failureError(classOfStatus(failure), failure, subject, operation);
  }
  const limit = limitOf(failure);
  if (limit) {
    const problems = [...failure.problems, { message: limit }];
    return failureError('permanent', { ...failure, problems }, subject, operation);
  }
  const codes = failure.problems.map(codeOf).filter((code) => code !== undefined);
  for (const [pattern, failureClass] of RULES) {
    const code = codes.find((candidate) => pattern.test(candidate));
    if (code) return failureError(failureClass, failure, subject, operation, code);
  }
  return failureError(classOfStatus(failure), failure, subject, operation);
}

/** @returns what to change when a request is too large or too complex. */
function limitOf({ status, problems }: UpstreamFailure): string | undefined {
  if (status === 413) return 'Fluent takes at most 2 MB a request: send less at once';
  return problems.some(({ message }) => /complexity/i.test(message))
    ? 'Fluent limits a query to a complexity of 11,111, about the fields times the page sizes above them: ' +
        'ask for smaller pages (first), fewer fields, or fewer levels of lists'
    : undefined;
}

/** @returns whether an error of an answer with data is a client warning, such as `C0042W`. */
export function isFluentWarning(message: string, code: unknown): boolean {
  const problem = { message, ...(typeof code === 'string' && { code }) };
  return /^C\d{4}W$/.test(codeOf(problem) ?? '');
}

function codeOf({ code, message }: UpstreamProblem): string | undefined {
  return code?.match(FLUENT_CODE)?.[0] ?? message.match(FLUENT_CODE)?.[0];
}
