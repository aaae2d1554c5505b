import { GraphQLError } from 'graphql';

/** An error as Fluent's GraphQL reports it: a code such as `C0003E` in `extensions` and in the message. */
export class FluentApiError extends GraphQLError {
  constructor(code: string, message: string) {
    super(`${code}: ${message}`, { extensions: { code } });
  }
}
