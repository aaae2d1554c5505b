import { Type, type Static } from '@sinclair/typebox';
import { Reason, moment, oneOf } from '../schema.js';

export const SettingLine = Type.Object({
  account: Type.String(),
  retailer: Type.String(),
  mapping: oneOf(['order', 'payment', 'shipping']),
  names: Type.Array(Type.String(), { description: 'The names that are looked for.' }),
  found: Type.Boolean(),
  name: Type.Optional(Type.String({ description: 'The name that it was found under.' })),
  context: Type.Optional(Type.String({ description: 'Where it was found, e.g. `RETAILER 1`.' })),
  entries: Type.Record(Type.String(), Type.String(), {
    description: 'The state of each status, as far as it is valid.',
  }),
  problems: Type.Array(Type.String(), { description: 'Empty when it can be used.' }),
  readAt: Type.Optional(moment('When this replica read it from Fluent.')),
  isStale: Type.Optional(
    Type.Boolean({
      description: 'Fluent did not answer when it was to be read again; the old value is used.',
    }),
  ),
});

export const SettingsView = Type.Object({ settings: Type.Array(SettingLine) });
export type SettingsView = Static<typeof SettingsView>;

export const RefreshQuery = Type.Object({ reason: Type.Optional(Reason) }, { additionalProperties: false });

export const IgnoredView = Type.Object({
  ignored: Type.Array(
    Type.Object({
      account: Type.String(),
      name: Type.String({
        description: 'Name of the notification; beyond the first 20 of a replica `other`.',
      }),
      count: Type.Integer(),
    }),
    {
      description:
        'Webhooks that no handler took in any running replica, most frequent first, since each of them started.',
    },
  ),
});
export type IgnoredView = Static<typeof IgnoredView>;
