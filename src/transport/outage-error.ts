import { TransientError } from '../errors.js';

/**
 * A target did not answer, or said that it is overloaded: the kind of failure that hits every caller at
 * once. It opens a circuit breaker when more than half of the calls fail.
 */
export class OutageError extends TransientError {}

/**
 * A target failed and blames itself (HTTP 500, `General`, Fluent's S and T codes). One order may cause it, or
 * nothing works there: it opens a circuit breaker only when nearly all calls fail, for different orders.
 */
export class ServerFaultError extends TransientError {}
