import type { ConnectorError } from '../errors.js';
import {
  classOfStatus,
  failureError,
  isOutageStatus,
  type UpstreamFailure,
  type UpstreamProblem,
  type UpstreamSubject,
} from '../transport/index.js';
import { FLUENT_ERROR_RULES, isFamily } from './fluent-error-codes.js';

/** Fluent's error codes: client, service or technical, four digits, error or warning. */
const FLUENT_CODE = /\b[CST]\d{4}[EW]\b/;

const TOO_COMPLEX = 'C0001E';

/** How messages about a missing permission read. Fluent's documentation does not list all of its codes. */
const DENIED =
  /\b(permissions?|forbidden|unauthori[sz]ed|not (?:authori[sz]ed|allowed to|permitted)|(?:access|authori[sz]ation) (?:is |was )?denied|insufficient (?:privileges|rights|roles?))\b/i;

/**
 * Pure: classifies a failed call to Fluent by {@link FLUENT_ERROR_RULES}. An error whose code is not listed, but which is about a
 * permission, is treated like HTTP 403.
 */
export function classifyFluentFailure(
  failure: UpstreamFailure,
  subject: UpstreamSubject,
  operation: string,
): ConnectorError {
  // These statuses concern the caller or the load, regardless of the code.
  if (failure.status === 401 || isOutageStatus(failure.status)) {
    return failureError(classOfStatus(failure), failure, subject, operation);
  }
  const hint = limitOf(failure);
  if (hint !== undefined) return failureError('permanent', failure, subject, operation, { hint });
  const codes = failure.problems.map(codeOf).filter((code) => code !== undefined);
  for (const rule of FLUENT_ERROR_RULES) {
    const code = codes.find((candidate) => new RegExp(`^${rule.code}$`).test(candidate));
    if (code === undefined) continue;
    // A status or a text about permissions says more than an undocumented code.
    if (isFamily(rule) && isDenied(failure)) break;
    const { failureClass } = rule;
    return failureError(failureClass, failure, subject, operation, { code, lacksPermission: true });
  }
  if (failure.status !== undefined && isDenied(failure)) {
    return failureError('configuration', failure, subject, operation, {
      code: codes[0],
      lacksPermission: true,
    });
  }
  return failureError(classOfStatus(failure), failure, subject, operation);
}

function isDenied({ status, problems }: UpstreamFailure): boolean {
  return status === 403 || problems.some(({ message }) => DENIED.test(message));
}

/** @returns what to change when a request is too large or too complex. */
function limitOf({ status, problems }: UpstreamFailure): string | undefined {
  if (status === 413) return 'Fluent takes at most 2 MB a request: send less at once';
  const isTooComplex = problems.some(
    (problem) => codeOf(problem) === TOO_COMPLEX || /complexity/i.test(problem.message),
  );
  return isTooComplex
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
