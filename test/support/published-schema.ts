import { existsSync, readFileSync } from 'node:fs';
import { type GraphQLSchema, buildSchema } from 'graphql';

const CONTRACTS = new URL('../../../shared/contracts/', import.meta.url);

/** Whether the vendors' published schemas lie beside this checkout; CI must have them. */
export const hasPublishedSchemas = existsSync(CONTRACTS);

/** Fails a run that would skip the conformance checks without anybody noticing. */
export function requirePublishedSchemasInCi(): void {
  if (process.env['CI'] && !hasPublishedSchemas) {
    throw new Error(`the published schemas are missing in CI: put them into ${CONTRACTS.pathname}`);
  }
}

export function publishedSchema(name: 'fluent' | 'commercetools'): GraphQLSchema {
  return buildSchema(readFileSync(new URL(`${name}.graphql`, CONTRACTS), 'utf8'), {
    assumeValidSDL: true,
  });
}
