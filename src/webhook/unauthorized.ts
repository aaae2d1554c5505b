import { Problem } from '../http/index.js';

/** @returns the same response for every reason; only the log says which one it was. */
export function unauthorized(reason: string): Problem {
  return new Problem(401, { detail: 'the request is not signed by a configured account', reason });
}
