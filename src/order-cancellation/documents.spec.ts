import { validate } from 'graphql';
import { describe, expect, it } from 'vitest';
import {
  hasPublishedSchemas,
  publishedSchema,
  requirePublishedSchemasInCi,
} from '../../test/support/published-schema.js';
import { CANCELLED_ORDER, ORDERS_BY_REF } from './documents.js';

requirePublishedSchemasInCi();

describe.skipIf(!hasPublishedSchemas)('the documents of a cancellation', () => {
  it.each([
    ['commercetools', CANCELLED_ORDER],
    ['fluent', ORDERS_BY_REF],
  ] as const)('are valid in the published schema of %s', (name, document) => {
    expect(validate(publishedSchema(name), document)).toEqual([]);
  });
});
