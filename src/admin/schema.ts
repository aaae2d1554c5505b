import { Type, type TSchema, type TUnsafe } from '@sinclair/typebox';

/**
 * The schemas of requests and answers. Each is the check of a request, the whitelist of an answer (a field that is not
 * in its schema is not sent), a part of the OpenAPI document, and a type.
 */

/** Text that is one of some. */
export function oneOf<const T extends readonly string[]>(
  values: T,
  options: { readonly description?: string } = {},
): TUnsafe<T[number]> {
  return Type.Unsafe<T[number]>({ type: 'string', enum: values, ...options });
}

/** A moment, in ISO 8601. */
export function moment(description: string): TUnsafe<string> {
  return Type.Unsafe<string>({ type: 'string', format: 'date-time', description });
}

export const MAX_REASON_LENGTH = 200;

/** Free text from a request, short enough for a log line. */
export const Reason = Type.String({
  minLength: 3,
  maxLength: MAX_REASON_LENGTH,
  description: 'Why, for the audit log.',
});

const Problem = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.Optional(Type.String()),
  },
  { description: 'Problem details (RFC 9457). The detail says what happened and what to change.' },
);

/** What every endpoint may answer in place of its result. */
const PROBLEMS = {
  '4xx': {
    description: 'The request was refused.',
    content: { 'application/problem+json': { schema: Problem } },
  },
  '5xx': { description: 'The request failed.', content: { 'application/problem+json': { schema: Problem } } },
};

/** The answer of an operation, with its description, as `response` of a route's schema. */
export function answers(
  description: string,
  schema: TSchema,
  status: 200 | 202 = 200,
): Readonly<Record<string, unknown>> {
  return { [status]: { ...schema, description }, ...PROBLEMS };
}
