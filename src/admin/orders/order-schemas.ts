import { Type, type Static } from '@sinclair/typebox';
import { FAILURE_CAUSES } from '../../delivery/index.js';
import { PauseView } from '../accounts/account-schemas.js';
import { Reason, moment, oneOf } from '../schema.js';

const STATES = ['orderState', 'paymentState', 'shipmentState'] as const;

export const OrderParams = Type.Object({
  ref: Type.String({ minLength: 1, maxLength: 512, description: "The order's ref in Fluent." }),
});
export type OrderParams = Static<typeof OrderParams>;

const scope = {
  account: Type.Optional(
    Type.String({ maxLength: 512, description: 'Fluent account id; required when several are configured.' }),
  ),
  retailer: Type.Optional(
    Type.String({
      maxLength: 512,
      description: 'Required when several retailers have an order with the ref.',
    }),
  ),
};

export const OrderQuery = Type.Object(scope, { additionalProperties: false });
export type OrderQuery = Static<typeof OrderQuery>;

export const SyncQuery = Type.Object(
  {
    ...scope,
    dryRun: Type.Boolean({ default: false, description: 'Compute everything, and send nothing.' }),
    reason: Type.Optional(Reason),
  },
  { additionalProperties: false },
);
export type SyncQuery = Static<typeof SyncQuery>;

const States = Type.Object({
  orderState: Type.Optional(Type.String()),
  paymentState: Type.Optional(Type.String()),
  shipmentState: Type.Optional(Type.String()),
});

const Reasons = Type.Object(
  { orderState: Type.String(), paymentState: Type.String(), shipmentState: Type.String() },
  { description: 'Which entry of which setting decides each state, or why it stays.' },
);

const Difference = Type.Object({
  state: oneOf(STATES),
  is: Type.Optional(Type.String({ description: 'In commercetools; absent when it is not set.' })),
  shouldBe: Type.String(),
});

const FluentSide = Type.Object({
  id: Type.String(),
  ref: Type.String(),
  retailer: Type.String(),
  status: Type.String(),
  updatedOn: Type.Optional(Type.String()),
});

const CommercetoolsSide = Type.Composite([
  Type.Object({
    project: Type.String(),
    id: Type.String(),
    orderNumber: Type.Optional(Type.String()),
    version: Type.Integer(),
  }),
  States,
]);

const Failure = Type.Object({
  name: Type.String({ description: 'Class of the error.' }),
  message: Type.String(),
  cause: oneOf(FAILURE_CAUSES, { description: 'The kind of the cause, which tells who can correct it.' }),
});

const MappingLine = Type.Object({
  state: oneOf(STATES),
  setting: Type.String(),
  context: Type.String({ description: 'e.g. `RETAILER 1`.' }),
  status: Type.String(),
  value: Type.Optional(Type.String({ description: 'Absent when the mapping has no entry for the status.' })),
});

const Hooks = Type.Array(
  Type.Object({
    hook: Type.String({ description: 'Its class.' }),
    actions: Type.Array(Type.String(), { description: 'Names of the update actions that it adds.' }),
    lost: Type.Optional(Type.String({ description: 'Why the order is updated without it.' })),
  }),
  { description: 'What each hook adds; a hook without actions has nothing to add to this order.' },
);

/** What both systems say now. */
export const OrderNow = Type.Object({
  readAt: moment('When it was read.'),
  fluent: Type.Optional(FluentSide),
  statusHistory: Type.Optional(
    Type.Array(Type.Object({ status: Type.String(), at: moment('When the order moved to it.') }), {
      description: 'The statuses that the order has passed, oldest first.',
    }),
  ),
  statusHistoryProblem: Type.Optional(Type.String({ description: 'Why it is not known.' })),
  mappings: Type.Array(MappingLine, { description: "What each enabled mapping says about Fluent's status." }),
  commercetools: Type.Optional(CommercetoolsSide),
  difference: Type.Array(Difference, { description: 'Empty when both agree.' }),
  reasons: Type.Optional(Reasons),
  hooks: Hooks,
  problem: Type.Optional(Failure),
});
export type OrderNow = Static<typeof OrderNow>;

const StoryNotification = Type.Object({
  notificationId: Type.String(),
  name: Type.String(),
  source: oneOf(['webhook', 'reconciliation', 'commercetools']),
  announced: Type.Optional(Type.String({ description: 'The status that it announced.' })),
  acceptedAt: moment('When it was accepted.'),
  outcome: oneOf(['waiting', 'updated', 'unchanged', 'unmapped', 'superseded', 'retried', 'dead'], {
    description: '`waiting`: it was accepted, and has not ended or failed yet.',
  }),
  at: moment('When the outcome came.'),
  attempts: Type.Integer(),
  error: Type.Optional(Type.Object({ name: Type.String(), message: Type.String() })),
  details: Type.Optional(
    Type.Unsafe<Readonly<Record<string, unknown>>>({
      type: 'object',
      additionalProperties: true,
      description: 'What was read, mapped and sent, as in the log line of the outcome.',
    }),
  ),
  deadLetterId: Type.Optional(Type.String()),
  healedAt: Type.Optional(moment('When a later run healed the dead letter, which is removed since.')),
});

export const OrderStory = Type.Object({
  notifications: Type.Array(StoryNotification, { description: 'Oldest first, one entry for each.' }),
  problem: Type.Optional(
    Type.String({ description: 'Why the story cannot be read, or why notifications may be missing.' }),
  ),
});
export type OrderStory = Static<typeof OrderStory>;

export const OrderView = Type.Object({
  account: Type.String(),
  retailer: Type.Optional(Type.String()),
  ref: Type.String(),
  pause: Type.Optional(
    Type.Composite([PauseView], { description: 'The pause of its account; absent unless it is paused.' }),
  ),
  verdict: Type.String({ description: 'What it means, and what to do.' }),
  now: OrderNow,
  story: OrderStory,
});
export type OrderView = Static<typeof OrderView>;

export const SyncView = Type.Object({
  outcome: oneOf(['updated', 'unchanged', 'unmapped'], {
    description: 'With `dryRun`: how the sync would have ended.',
  }),
  dryRun: Type.Boolean(),
  fluent: FluentSide,
  commercetools: Type.Composite([CommercetoolsSide], { description: 'As it was read, before the update.' }),
  difference: Type.Array(Difference, { description: 'What was sent, or would be.' }),
  reasons: Reasons,
  hooks: Hooks,
});
export type SyncView = Static<typeof SyncView>;
