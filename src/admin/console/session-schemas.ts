import { Type, type Static } from '@sinclair/typebox';
import { moment, oneOf } from '../schema.js';

export const SessionView = Type.Object({
  name: Type.String({ description: 'The name of the token.' }),
  scope: oneOf(['read', 'write']),
  csrfToken: Type.Optional(
    Type.String({ description: 'Changes in this session repeat it as `X-CSRF-Token`. Absent with a token.' }),
  ),
  expiresAt: Type.Optional(moment('When the session ends. Absent with a token.')),
});
export type SessionView = Static<typeof SessionView>;

export const SignOutResult = Type.Object({ signedOut: Type.Boolean() });
export type SignOutResult = Static<typeof SignOutResult>;
