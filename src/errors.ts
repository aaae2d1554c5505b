/** Options that every connector error takes beside its message. */
export interface ConnectorErrorOptions extends ErrorOptions {
  /** Machine-readable detail of the upstream, e.g. `ConcurrentModification` or `C0011E`. */
  code?: string;
  /** Whether the upstream refuses the caller: its credentials, scopes or permissions. Default: false. */
  lacksPermission?: boolean;
}

/** Base of the typed errors. The queue decides between retry and dead letter from the class alone. */
export abstract class ConnectorError extends Error {
  readonly code?: string;
  /** See {@link ConnectorErrorOptions.lacksPermission}. */
  readonly lacksPermission: boolean;

  constructor(message: string, options: ConnectorErrorOptions = {}) {
    super(message, options);
    this.name = new.target.name;
    this.code = options.code;
    this.lacksPermission = options.lacksPermission ?? false;
  }
}

/** Options of {@link TransientError}. */
export interface TransientErrorOptions extends ConnectorErrorOptions {
  /** The earliest useful moment for the next attempt, in milliseconds from now (Retry-After). */
  retryAfterMs?: number;
  /** Give up this many seconds after the first error that sets it, instead of after `RETRY_MAX_AGE`. */
  maxAgeSeconds?: number;
}

/**
 * Something that passes with time: a network failure, an overloaded upstream, an order that does not exist yet.
 * The notification is retried with exponential back-off and full jitter. It becomes a dead letter after
 * `RETRY_MAX_AGE`.
 */
export class TransientError extends ConnectorError {
  readonly retryAfterMs?: number;
  readonly maxAgeSeconds?: number;
  /**
   * True when the upstream failed for other work as well, so that its circuit is open. The wait for the next
   * attempt then does not count as retry age. The circuit breaker sets it.
   */
  circuitIsOpen = false;
  /**
   * How long ago this process last saw the upstream answer the same operation, in milliseconds; `Infinity` when it never
   * did, undefined when the error is not an upstream's. The wait for the next attempt counts as retry age only as far as
   * the upstream answered others meanwhile. The circuit breaker sets it.
   */
  upstreamAnsweredMsAgo?: number;

  constructor(message: string, options: TransientErrorOptions = {}) {
    super(message, options);
    this.retryAfterMs = options.retryAfterMs;
    this.maxAgeSeconds = options.maxAgeSeconds;
  }
}

/**
 * The circuit breaker of an upstream is open, so the request was not sent. The notification is deferred; this
 * counts neither as an attempt nor as retry age.
 */
export class CircuitOpenError extends TransientError {
  constructor(
    readonly target: string,
    retryAfterMs: number,
  ) {
    super(`circuit of ${target} is open; deferred until the target answers again`, {
      code: 'CircuitOpen',
      retryAfterMs,
    });
  }
}

/** Something that retrying cannot fix. The notification becomes a dead letter at once. */
export class PermanentError extends ConnectorError {}

/**
 * Something that an operator must correct: a missing setting, a value outside the enum, refused credentials.
 * The notification is retried on the transient schedule and logged as an error. The message names what to change.
 */
export class ConfigurationError extends ConnectorError {}

/** @returns the thrown value if it is an Error, else an Error with the value's text as its message. */
export function asError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  try {
    return new Error(String(thrown));
  } catch {
    return new Error(`a value of type ${typeof thrown} without text was thrown`);
  }
}
