import { Type, type Static } from '@sinclair/typebox';
import { CircuitView } from '../overview/circuit-view.js';
import { Reason, moment } from '../schema.js';

export const AccountParams = Type.Object({
  accountId: Type.String({ minLength: 1, maxLength: 512, description: 'Fluent account id.' }),
});
export type AccountParams = Static<typeof AccountParams>;

export const PauseBody = Type.Object({ reason: Reason }, { additionalProperties: false });
export type PauseBody = Static<typeof PauseBody>;

export const ResumeBody = Type.Union([
  Type.Object({ reason: Type.Optional(Reason) }, { additionalProperties: false }),
  Type.Null(),
]);

export const PauseView = Type.Object({
  by: Type.String({ description: 'The name of the token.' }),
  since: moment('When it was paused.'),
  reason: Type.String(),
});
export type PauseView = Static<typeof PauseView>;

export const AccountView = Type.Object({
  account: Type.String(),
  pause: Type.Optional(Type.Composite([PauseView], { description: 'Absent unless it is paused.' })),
  lanes: Type.Object(
    {
      waiting: Type.Integer({ description: 'In the lane of its webhooks.' }),
      background: Type.Integer({
        description: 'In its background lane: reconciled orders, retries, replayed dead letters.',
      }),
      running: Type.Integer(),
      delayed: Type.Integer({
        description: 'Waiting for a retry or a recheck, of the 2,000 of all accounts that are due next.',
      }),
    },
    { description: 'Unfinished notifications.' },
  ),
  circuits: Type.Array(CircuitView, {
    description: 'Circuits that are not closed, so that its notifications are deferred.',
  }),
  oldestUnfinishedAt: Type.Optional(moment('When its oldest unfinished notification was accepted.')),
});
export type AccountView = Static<typeof AccountView>;

export const AccountList = Type.Object({ accounts: Type.Array(AccountView) });
export type AccountList = Static<typeof AccountList>;
