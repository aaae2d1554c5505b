/** Options that every connector error takes beside its message. */
export interface ConnectorErrorOptions extends ErrorOptions {
  /** Machine-readable detail of the upstream, e.g. `ConcurrentModification` or `C0011E`. */
  code?: string;
}

/** Base of the typed errors. The queue decides between retry and dead letter from the class alone. */
export abstract class ConnectorError extends Error {
  readonly code?: string;

  constructor(message: string, options: ConnectorErrorOptions = {}) {
    super(message, options);
    this.name = new.target.name;
    this.code = options.code;
  }
}

/** Options of {@link TransientError}. */
export interface TransientErrorOptions extends ConnectorErrorOptions {
  /** The earliest useful moment for the next attempt, in milliseconds from now (Retry-After). */
  retryAfterMs?: number;
  /** Give up this many seconds after the first error that says so, instead of after `RETRY_MAX_AGE`. */
  maxAgeSeconds?: number;
}

/**
 * Something that time heals: the network, an overloaded upstream, an order that is not there yet.
 * The notification is retried with exponential back-off and full jitter, and becomes a dead letter
 * when it has been tried for `RETRY_MAX_AGE`.
 */
export class TransientError extends ConnectorError {
  readonly retryAfterMs?: number;
  readonly maxAgeSeconds?: number;
  /**
   * The upstream failed for other work as well, so that its circuit is open. The wait for the next attempt
   * does not count as retry age. The circuit breaker sets it.
   */
  circuitIsOpen = false;

  constructor(message: string, options: TransientErrorOptions = {}) {
    super(message, options);
    this.retryAfterMs = options.retryAfterMs;
    this.maxAgeSeconds = options.maxAgeSeconds;
  }
}

/**
 * The circuit breaker of an upstream is open: nothing was sent. The notification is held back
 * and neither an attempt nor its retry age is used up.
 */
export class CircuitOpenError extends TransientError {
  constructor(
    readonly target: string,
    retryAfterMs: number,
  ) {
    super(`circuit of ${target} is open; held back until it answers again`, {
      code: 'CircuitOpen',
      retryAfterMs,
    });
  }
}

/** Something that no repetition heals. The notification becomes a dead letter at once. */
export class PermanentError extends ConnectorError {}

/**
 * Something that an operator heals: a missing setting, a value outside the enum, refused credentials.
 * Retried on the transient schedule and logged as an error; the message names what to change.
 */
export class ConfigurationError extends ConnectorError {}

/** @returns a thrown value when it is an Error, else an Error with the value's text as its message. */
export function asError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  try {
    return new Error(String(thrown));
  } catch {
    return new Error(`a value of type ${typeof thrown} without text was thrown`);
  }
}
