import { ServerError, ServerParseError } from '@apollo/client/errors';
import { isJsonObject } from '../json.js';
import { ConfigurationError, type ConnectorError, PermanentError, TransientError } from '../errors.js';
import { OutageError, ServerFaultError } from './outage-error.js';
import { redactCredentials } from './redact-credentials.js';
import { WITHHELD, redactVariables } from './redact-variables.js';
import { parseRetryAfter } from './retry-after.js';
import { CallTimeoutError } from './upstream-http.js';

/** One error of an answer's body. */
export interface UpstreamProblem {
  readonly code?: string;
  readonly message: string;
}

/** A failed call, in one shape for all ways in which it can be reported. */
export interface UpstreamFailure {
  /** The HTTP status, or undefined without a complete answer. */
  readonly status?: number;
  /** Errors named in the body, GraphQL- or REST-shaped; empty when the body is neither. */
  readonly problems: readonly UpstreamProblem[];
  readonly retryAfterMs?: number;
  /** Why there was no complete answer. */
  readonly cause?: unknown;
}

/** The account or project in messages to operators, and the variables to check. */
export interface UpstreamSubject {
  /** e.g. `Fluent account ACME`. */
  readonly owner: string;
  /** The variables that hold its credentials, as one text. */
  readonly credentialVariables: string;
  /** The variable that holds its address. */
  readonly urlVariable: string;
  /** What it was given to prove who calls; no message shows any of it. */
  readonly credentials: readonly string[];
  /** The variables or the body of the call. Messages show only those that identify things. */
  readonly sent?: unknown;
}

/** How a failure is treated. */
export type FailureClass = 'outage' | 'fault' | 'transient' | 'permanent' | 'configuration';

const ERROR_CODE = /^(?:[A-Za-z_]{3,40}|[CST]\d{4}[EW])$/;
const MAX_PROBLEMS = 3;
const MAX_MESSAGE_LENGTH = 300;
/** How much of an answer's text is looked through for credentials. Cutting off comes after, or part of one would stay. */
const MAX_TEXT_LENGTH = 10_000;

/** The target answered with a failure. */
export class AnsweredFailure extends Error {
  constructor(readonly failure: UpstreamFailure) {
    super('answered with a failure');
  }
}

/** @returns what an error thrown by Apollo's link, the HTTP layer or the network says. */
export function readFailure(error: unknown): UpstreamFailure {
  if (error instanceof AnsweredFailure) return error.failure;
  // ServerError also carries the GraphQL errors of a 4xx, in the body's text alone.
  if (ServerError.is(error) || ServerParseError.is(error)) {
    return readAnswer(error.statusCode, error.bodyText, error.response.headers.get('retry-after'));
  }
  return { problems: [], cause: error };
}

/** @returns the failure that an answer stands for. */
export function readAnswer(status: number, body: string, retryAfter: string | null): UpstreamFailure {
  return { status, problems: problemsOf(parseJson(body)), retryAfterMs: parseRetryAfter(retryAfter) };
}

/** @returns the failure that errors of a GraphQL answer stand for. */
export function answeredErrors(errors: readonly unknown[]): UpstreamFailure {
  return { status: 200, problems: problemsOf({ errors }) };
}

/** @returns whether less at once may succeed: the request was too long or too complex, or its answer too long. */
export function isTooLarge({ status, problems, cause }: UpstreamFailure): boolean {
  return (
    status === 413 ||
    codeOf(cause) === 'UND_ERR_RES_EXCEEDED_MAX_SIZE' ||
    problems.some(({ code = '', message }) => /complexity/i.test(`${code} ${message}`))
  );
}

/** @returns whether the token was refused, so that a new one may help. */
export function isUnauthorized(failure: UpstreamFailure): boolean {
  return failure.status === 401 || failure.problems.some(({ code }) => code === 'invalid_token');
}

/** The class of a failure whose body has no code that its system defines. */
export function classOfStatus({ status, problems, cause }: UpstreamFailure): FailureClass {
  if (status === undefined) {
    // Something in between that sends without end must not make dead letters of everything.
    if (codeOf(cause) === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') return 'transient';
    // Network errors of Node and undici have a code; anything else is an unreadable answer.
    return cause instanceof CallTimeoutError || codeOf(cause) ? 'outage' : 'transient';
  }
  if (isOutageStatus(status)) return 'outage';
  // A success without data or errors is a page of something in between, e.g. while it is down for maintenance.
  if (status >= 500 || (status < 300 && problems.length === 0)) return 'fault';
  // An error of the answer may be about one order; 408, 409 and 425 heal by themselves.
  if (status < 300 || [408, 409, 425].includes(status)) return 'transient';
  if (status < 400 || [401, 403, 404, 405].includes(status)) return 'configuration';
  return 'permanent';
}

/** @returns whether the status alone says that the target is down or overloaded, regardless of the body. */
export function isOutageStatus(status: number | undefined): boolean {
  return status !== undefined && ([429, 502, 503, 504].includes(status) || status >= 520);
}

/** Options of {@link failureError}. */
export interface FailureErrorOptions {
  /** Machine-readable detail; by default the first one in the body. */
  readonly code?: string;
  /** Whether a configuration error is about a permission. Default: at HTTP 403. */
  readonly lacksPermission?: boolean;
  /** What to change, for people. */
  readonly hint?: string;
}

/**
 * The one place where the text of an upstream gets into an error, and with it into logs and dead letters. Neither credentials
 * nor what the call sent about people are left in it.
 */
export function failureError(
  failureClass: FailureClass,
  failure: UpstreamFailure,
  subject: UpstreamSubject,
  operation: string,
  {
    code = failure.problems.find((candidate) => candidate.code)?.code,
    lacksPermission = failure.status === 403,
    hint,
  }: FailureErrorOptions = {},
): ConnectorError {
  const { retryAfterMs } = failure;
  const redact = (text: string): string =>
    redactVariables(redactCredentials(text, subject.credentials), subject.sent);
  const message = `${subject.owner}: ${operation} ${describe(failure, redact)}${hint === undefined ? '' : `; ${hint}`}`;
  // Only network errors are kept as cause: answers may hold personal data, and causes are logged whole.
  const options = {
    code: code && shorten(shownCode(code, redact)),
    cause: shownCause(failure.cause, redact),
    lacksPermission: isRefusal(failure, code) || (failureClass === 'configuration' && lacksPermission),
  };
  if (failureClass === 'outage') return new OutageError(message, { ...options, retryAfterMs });
  if (failureClass === 'fault') return new ServerFaultError(message, { ...options, retryAfterMs });
  if (failureClass === 'transient') return new TransientError(message, { ...options, retryAfterMs });
  if (failureClass === 'permanent') return new PermanentError(message, options);
  return new ConfigurationError(`${message}; ${advice(failure, subject, lacksPermission)}`, options);
}

/** Whether the answer refuses the caller, and not the request. */
function isRefusal(failure: UpstreamFailure, code: string | undefined): boolean {
  return isUnauthorized(failure) || failure.status === 403 || code === 'insufficient_scope';
}

function advice({ status }: UpstreamFailure, subject: UpstreamSubject, lacksPermission: boolean): string {
  if (status === 401) return `check ${subject.credentialVariables}`;
  if (lacksPermission) return `give the user or API client of ${subject.credentialVariables} the permission`;
  return `check ${subject.urlVariable}`;
}

function describe({ status, problems, cause }: UpstreamFailure, redact: (text: string) => string): string {
  if (status === undefined) {
    if (cause instanceof CallTimeoutError) return `got ${cause.message} (HTTP_CLIENT_TIMEOUT)`;
    return `failed: ${shorten(redact(networkProblem(cause)))}`;
  }
  const details = problems
    .slice(0, MAX_PROBLEMS)
    .map(({ code, message }) => {
      const text = shorten(redact(message));
      return code && !message.includes(code) ? `${shorten(shownCode(code, redact))}: ${text}` : text;
    })
    .join('; ');
  return `was answered with HTTP ${status}${details ? `, ${details}` : ' and a body that names no error'}`;
}

/** Codes that look like those of both systems stay, even if the text beside them is withheld. */
function shownCode(code: string, redact: (text: string) => string): string {
  const shown = redact(code);
  return shown === WITHHELD && ERROR_CODE.test(code) ? code : shown;
}

function problemsOf(body: unknown): UpstreamProblem[] {
  if (!isJsonObject(body)) return [];
  if (Array.isArray(body['errors']) && body['errors'].length > 0) {
    return body['errors'].filter(isJsonObject).map((error) => {
      const extensions = isJsonObject(error['extensions']) ? error['extensions'] : {};
      return problem(extensions['code'] ?? error['code'], error['message']);
    });
  }
  const { error, error_description: description, message } = body;
  return error || message ? [problem(error, description ?? message)] : [];
}

function problem(code: unknown, message: unknown): UpstreamProblem {
  return {
    ...(typeof code === 'string' && code !== '' && { code: code.slice(0, MAX_TEXT_LENGTH) }),
    message: typeof message === 'string' ? message.slice(0, MAX_TEXT_LENGTH) : 'no message',
  };
}

function shorten(text: string): string {
  return text.slice(0, MAX_MESSAGE_LENGTH);
}

/** @returns the error without what libraries attach to it: undici's parser adds the bytes of the answer. */
function shownCause(cause: unknown, redact: (text: string) => string): unknown {
  if (cause === undefined) return undefined;
  const shown = new Error(shorten(redact(networkProblem(cause))));
  if (cause instanceof Error) {
    shown.name = cause.name;
    shown.stack = redact(cause.stack ?? shown.message);
  }
  const code = codeOf(cause);
  return code === undefined ? shown : Object.assign(shown, { code });
}

function networkProblem(error: unknown): string {
  if (!(error instanceof Error)) return 'for an unknown reason';
  // Happy eyeballs reports several failed addresses as one error without a message.
  return error.message || codeOf(error) || error.name;
}

function codeOf(error: unknown): string | undefined {
  return isJsonObject(error) && typeof error['code'] === 'string' ? error['code'] : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // HTML or plain text from something in between: the status has to say it all.
    return undefined;
  }
}
