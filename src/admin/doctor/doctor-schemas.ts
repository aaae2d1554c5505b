import { Type, type Static } from '@sinclair/typebox';
import { CHECKS } from '../../doctor/index.js';
import { oneOf } from '../schema.js';

export const DoctorQuery = Type.Object(
  {
    only: Type.Optional(
      Type.String({
        maxLength: 200,
        description: `Comma-separated; every check by default: ${CHECKS.map(({ name }) => name).join(', ')}.`,
      }),
    ),
  },
  { additionalProperties: false },
);
export type DoctorQuery = Static<typeof DoctorQuery>;

export const CapturedWebhook = Type.Object(
  {
    headers: Type.Record(Type.String(), Type.String(), {
      description: 'By name in lower case; a repeated header is joined with a comma.',
    }),
    bodyBase64: Type.String({ description: 'The bytes of the body: the signature covers exactly these.' }),
  },
  { additionalProperties: false },
);
export type CapturedWebhook = Static<typeof CapturedWebhook>;

const FindingView = Type.Object({
  check: Type.String({ description: 'The name of the check, as in `only`.' }),
  subject: Type.String({ description: 'What was checked.' }),
  status: oneOf(['pass', 'warn', 'fail', 'skip'], {
    description: '`skip`: it could not be checked, or does not apply.',
  }),
  message: Type.String({ description: 'What was found.' }),
  advice: Type.Optional(Type.String({ description: 'What to change.' })),
  details: Type.Optional(
    Type.Unsafe<readonly string[]>(Type.Array(Type.String(), { description: 'Further lines, for people.' })),
  ),
});

export const DoctorView = Type.Object({
  ok: Type.Boolean({ description: 'Whether no check failed.' }),
  findings: Type.Array(FindingView, { description: 'In the order in which they were made.' }),
});
export type DoctorView = Static<typeof DoctorView>;
