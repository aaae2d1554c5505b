import { type DocumentNode, validate } from 'graphql';
import { describe, expect, it } from 'vitest';
import {
  hasPublishedSchemas,
  publishedSchema,
  requirePublishedSchemasInCi,
} from '../../test/support/published-schema.js';
import * as documents from './documents.js';

requirePublishedSchemasInCi();

describe.skipIf(!hasPublishedSchemas)('documents sent to commercetools', () => {
  const schema = hasPublishedSchemas ? publishedSchema('commercetools') : undefined;

  it.each(Object.entries<DocumentNode>(documents))(
    '%s is valid in the published schema',
    (_name, document) => {
      expect(validate(schema!, document)).toEqual([]);
    },
  );

  it('have distinct names, by which their calls are measured', () => {
    const names = Object.values<DocumentNode>(documents).map(
      ({ definitions: [first] }) => first && 'name' in first && first.name?.value,
    );
    expect(names.every(Boolean)).toBe(true);
    expect(new Set(names).size).toBe(names.length);
  });
});
