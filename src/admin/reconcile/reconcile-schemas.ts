import { Type, type Static } from '@sinclair/typebox';
import { BACKFILL_STATES } from '../../reconciliation/index.js';
import { Reason, moment, oneOf } from '../schema.js';

export const StartQuery = Type.Object(
  {
    from: moment("Orders that Fluent updated at this moment or later, by Fluent's clock."),
    to: Type.Optional(moment('Orders that Fluent updated at this moment or earlier. Default: now.')),
    account: Type.Optional(
      Type.String({
        maxLength: 512,
        description: 'Fluent account id; required when several are configured.',
      }),
    ),
    retailer: Type.Optional(
      Type.String({ maxLength: 512, description: 'Default: every configured retailer of the account.' }),
    ),
    reason: Type.Optional(Reason),
  },
  { additionalProperties: false },
);
export type StartQuery = Static<typeof StartQuery>;

export const CancelQuery = Type.Object({ reason: Type.Optional(Reason) }, { additionalProperties: false });

export const BackfillParams = Type.Object({
  id: Type.String({ pattern: '^[\\w-]{1,64}$', description: 'The `id` of the answer that started it.' }),
});
export type BackfillParams = Static<typeof BackfillParams>;

export const BackfillView = Type.Object({
  id: Type.String(),
  account: Type.String(),
  retailer: Type.Optional(Type.String({ description: 'Absent: every configured retailer.' })),
  from: moment('The beginning of the range.'),
  to: moment('The end of the range.'),
  state: oneOf(BACKFILL_STATES, {
    description: '`paused`: it waits until the `problem` is over, then continues.',
  }),
  problem: Type.Optional(Type.String({ description: 'Why it is paused or failed.' })),
  position: moment('All orders that were updated before this moment are submitted.'),
  pagesRead: Type.Integer({ description: 'Pages that Fluent has returned.' }),
  ordersFound: Type.Integer({ description: 'Orders of the requested retailers.' }),
  submitted: Type.Integer({ description: 'Orders that were put into the background lane.' }),
  skipped: Type.Integer({
    description: 'Moments whose orders Fluent could not return; the log (level `error`) names each.',
  }),
  requestedBy: Type.String({ description: 'The name of the token.' }),
  requestedAt: moment('When it was requested.'),
  endedAt: Type.Optional(moment('When it finished, failed or was cancelled.')),
});
export type BackfillView = Static<typeof BackfillView>;

export const BackfillList = Type.Object({
  backfills: Type.Array(BackfillView, { description: 'Newest first; kept for 7 days, 100 at most.' }),
});
export type BackfillList = Static<typeof BackfillList>;
