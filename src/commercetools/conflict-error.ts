import { TransientError } from '../errors.js';

/**
 * Another client wrote the order between the connector's read and write (`ConcurrentModification`). The order status
 * sync then reads again and recomputes. Elsewhere the error is retried like any transient error.
 */
export class ConflictError extends TransientError {
  constructor(message: string, options: ErrorOptions = {}) {
    super(message, { ...options, code: 'ConcurrentModification' });
  }
}
