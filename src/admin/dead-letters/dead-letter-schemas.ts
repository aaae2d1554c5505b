import { Type, type Static } from '@sinclair/typebox';
import { FAILURE_CAUSES } from '../../delivery/index.js';
import { Reason, moment, oneOf } from '../schema.js';

/** Letters in one answer, at most. */
const MAX_PAGE = 200;

/** Which dead letters are meant. Every field narrows. */
const filters = {
  account: Type.Optional(Type.String({ maxLength: 512, description: 'Fluent account id.' })),
  name: Type.Optional(Type.String({ maxLength: 512, description: 'Name of the notification.' })),
  order: Type.Optional(Type.String({ maxLength: 512, description: "The order's ref or id in Fluent." })),
  error: Type.Optional(
    Type.String({ maxLength: 512, description: 'Class of the error, e.g. `ConfigurationError`.' }),
  ),
  cause: Type.Optional(
    oneOf(FAILURE_CAUSES, { description: 'The kind of the cause, which tells who can correct it.' }),
  ),
  diedAfter: Type.Optional(moment('Only letters that failed for good at or after this moment.')),
  diedBefore: Type.Optional(moment('Only letters that failed for good before this moment.')),
};

const After = Type.Optional(
  Type.String({
    pattern: '^\\d{1,14}\\.[\\w-]{1,64}$',
    description: 'Where to continue: `next` of the previous answer.',
  }),
);

const DeadLetterFilterSchema = Type.Object(filters, { additionalProperties: false });
export type DeadLetterFilter = Static<typeof DeadLetterFilterSchema>;

export const DeadLetterListQuery = Type.Object(
  {
    ...filters,
    limit: Type.Integer({ minimum: 1, maximum: MAX_PAGE, default: 50 }),
    after: After,
  },
  { additionalProperties: false },
);
export type DeadLetterListQuery = Static<typeof DeadLetterListQuery>;

export const ReplayManyQuery = Type.Object(
  {
    ...filters,
    dryRun: Type.Boolean({ default: false, description: 'Only count them.' }),
    after: After,
    all: Type.Boolean({ default: false, description: 'Must be true when nothing else narrows the letters.' }),
    reason: Type.Optional(Reason),
  },
  { additionalProperties: false },
);
export type ReplayManyQuery = Static<typeof ReplayManyQuery>;

export const ReasonQuery = Type.Object({ reason: Type.Optional(Reason) }, { additionalProperties: false });
export type ReasonQuery = Static<typeof ReasonQuery>;
export const RequiredReasonQuery = Type.Object({ reason: Reason }, { additionalProperties: false });
export type RequiredReasonQuery = Static<typeof RequiredReasonQuery>;

export const DeadLetterParams = Type.Object({
  id: Type.String({ pattern: '^[\\w-]{1,64}$', description: 'The `id` of the list.' }),
});
export type DeadLetterParams = Static<typeof DeadLetterParams>;

export const DeadLetterView = Type.Object({
  id: Type.String(),
  account: Type.String(),
  retailer: Type.String(),
  name: Type.String({ description: 'Name of the notification.' }),
  notificationId: Type.String(),
  order: Type.Optional(
    Type.Object(
      { id: Type.String({ description: "Fluent's id." }), ref: Type.Optional(Type.String()) },
      { description: 'The order that the notification is about.' },
    ),
  ),
  entity: Type.Object({ type: Type.String(), id: Type.String(), ref: Type.String() }),
  error: Type.Object({ name: Type.String(), message: Type.String() }),
  cause: oneOf(FAILURE_CAUSES, { description: 'The kind of the cause, which tells who can correct it.' }),
  advice: Type.String({ description: 'What to do.' }),
  attempts: Type.Integer(),
  acceptedAt: moment('When the notification was accepted.'),
  firstFailedAt: Type.Optional(moment('When its first attempt failed.')),
  diedAt: moment('When it failed for good.'),
});
export type DeadLetterView = Static<typeof DeadLetterView>;

export const DeadLetterPage = Type.Object({
  total: Type.Integer({ description: 'All dead letters, regardless of the filter.' }),
  deadLetters: Type.Array(DeadLetterView, { description: 'Newest first.' }),
  next: Type.Optional(
    Type.String({ description: '`after` of the next request; absent when everything was looked at.' }),
  ),
});
export type DeadLetterPage = Static<typeof DeadLetterPage>;

export const ReplayManyResult = Type.Object({
  matched: Type.Integer(),
  replayed: Type.Integer({ description: '0 with `dryRun`.' }),
  more: Type.Boolean({
    description: 'One request counts or replays about 10,000. True when more may match.',
  }),
  next: Type.Optional(
    Type.String({ description: '`after` of the next request; absent when `more` is false.' }),
  ),
  byCause: Type.Record(Type.String(), Type.Integer(), { description: 'How many matched, by cause.' }),
});
export type ReplayManyResult = Static<typeof ReplayManyResult>;

export const ReplayResult = Type.Object({ replayed: Type.Boolean() });
export type ReplayResult = Static<typeof ReplayResult>;
export const DiscardResult = Type.Object({ discarded: Type.Boolean() });
export type DiscardResult = Static<typeof DiscardResult>;
