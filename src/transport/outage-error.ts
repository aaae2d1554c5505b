import { TransientError } from '../errors.js';

/**
 * A target did not answer, or said that it is overloaded: the kind of failure that hits every caller at
 * once. Only this kind opens a circuit breaker.
 */
export class OutageError extends TransientError {}
