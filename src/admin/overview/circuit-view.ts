import { Type, type Static } from '@sinclair/typebox';
import { moment, oneOf } from '../schema.js';

/** A circuit that is not closed, of all replicas. */
export const CircuitView = Type.Object({
  target: Type.String({ description: 'e.g. `fluent:ACME` or `commercetools:shop`.' }),
  state: oneOf(['open', 'half-open'], {
    description: '`half-open`: a call is on its way that may close it.',
  }),
  since: moment('Since when it has not been closed, in the replica where that is longest.'),
  replicas: Type.Integer({ description: 'Replicas in which it is not closed.' }),
});
export type CircuitView = Static<typeof CircuitView>;
