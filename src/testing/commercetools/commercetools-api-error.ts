import { GraphQLError } from 'graphql';

/** An error as commercetools' GraphQL reports it; the code is in `extensions`. */
export class CommercetoolsApiError extends GraphQLError {
  constructor(code: string, message: string, details: Readonly<Record<string, unknown>> = {}) {
    super(message, { extensions: { code, ...details } });
  }
}
