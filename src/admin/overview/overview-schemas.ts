import { Type, type Static } from '@sinclair/typebox';
import { PauseView } from '../accounts/account-schemas.js';
import { moment, oneOf } from '../schema.js';
import { CircuitView } from './circuit-view.js';

const Minute = Type.Object({
  from: moment('The beginning of the minute.'),
  accepted: Type.Integer({ description: 'Notifications that the queue has confirmed.' }),
  finished: Type.Integer({ description: 'Notifications that ended without an error.' }),
  retried: Type.Integer({ description: 'Runs that failed and are repeated.' }),
  dead: Type.Integer({ description: 'Notifications that became dead letters.' }),
  lagSeconds: Type.Optional(
    Type.Object(
      { mean: Type.Number(), max: Type.Number() },
      { description: 'From acceptance to the end; absent when none finished.' },
    ),
  ),
});

export const OverviewView = Type.Object({
  at: moment('When this was computed.'),
  replicas: Type.Array(
    Type.Object({
      role: oneOf(['all', 'ingress', 'worker']),
      version: Type.String(),
    }),
    { description: 'The replicas that were alive within the last 15 seconds.' },
  ),
  minutes: Type.Array(Minute, {
    description: 'The last 15 minutes of all replicas, oldest first. The last one is not over.',
  }),
  queue: Type.Object({
    waiting: Type.Integer(),
    active: Type.Integer(),
    delayed: Type.Integer(),
    dead: Type.Integer({ description: 'Dead letters.' }),
    oldestUnfinishedAt: Type.Optional(moment('When the oldest unfinished notification was accepted.')),
  }),
  paused: Type.Array(Type.Composite([Type.Object({ account: Type.String() }), PauseView]), {
    description: 'The paused accounts.',
  }),
  circuits: Type.Array(CircuitView, { description: 'The circuits that are not closed.' }),
  problems: Type.Array(
    Type.Object({
      check: Type.String({ description: 'As in `/health`.' }),
      advice: Type.Optional(Type.String({ description: 'What to do.' })),
      replicas: Type.Integer({ description: 'Replicas that report it.' }),
    }),
    { description: 'What keeps the health of any replica from being `ok`.' },
  ),
});
export type OverviewView = Static<typeof OverviewView>;
