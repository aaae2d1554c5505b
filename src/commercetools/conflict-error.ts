import { TransientError } from '../errors.js';

/**
 * Somebody else wrote the order between our read and our write (`ConcurrentModification`). The order
 * status sync reads again and recomputes; anywhere else it is retried like any transient error.
 */
export class ConflictError extends TransientError {
  constructor(message: string, options: ErrorOptions = {}) {
    super(message, { ...options, code: 'ConcurrentModification' });
  }
}
