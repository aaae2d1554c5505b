import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLNamedType,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isRequiredArgument,
  isRequiredInputField,
} from 'graphql';
import { describe, expect, it } from 'vitest';
import {
  hasPublishedSchemas,
  publishedSchema,
  requirePublishedSchemasInCi,
} from '../../test/support/published-schema.js';
import { commercetoolsSchema } from './commercetools/commercetools-schema.js';
import { fluentSchema } from './fluent/fluent-schema.js';

requirePublishedSchemasInCi();

/** What of our types the published schema spells otherwise, one line each. */
function deviations(ours: GraphQLSchema, published: GraphQLSchema): string[] {
  return Object.values(ours.getTypeMap())
    .filter(({ name }) => !name.startsWith('__'))
    .flatMap((type) => {
      const original = published.getType(type.name);
      if (!original) return [`${type.name} is not published`];
      if (type.constructor !== original.constructor) return [`${type.name} is another kind of type`];
      return deviationsOfType(type, original);
    });
}

function deviationsOfType(ours: GraphQLNamedType, original: GraphQLNamedType): string[] {
  if (isEnumType(ours) && isEnumType(original)) {
    const values = (type: typeof ours): string =>
      type
        .getValues()
        .map(({ name }) => name)
        .sort()
        .join();
    return values(ours) === values(original) ? [] : [`${ours.name} has other values`];
  }
  if (isInputObjectType(ours) && isInputObjectType(original)) {
    return [
      ...deviationsOfInputs(ours.name, Object.values(ours.getFields()), Object.values(original.getFields())),
      ...missing(
        ours.name,
        ours.getFields(),
        Object.values(original.getFields()).filter(isRequiredInputField),
      ),
    ];
  }
  if (
    (isObjectType(ours) && isObjectType(original)) ||
    (isInterfaceType(ours) && isInterfaceType(original))
  ) {
    const interfaces = original.getInterfaces().map(({ name }) => name);
    const extra = ours.getInterfaces().filter(({ name }) => !interfaces.includes(name));
    return [
      ...extra.map(({ name }) => `${ours.name} does not implement ${name}`),
      ...Object.values(ours.getFields()).flatMap((field) =>
        deviationsOfField(`${ours.name}.${field.name}`, field, original.getFields()[field.name]),
      ),
    ];
  }
  return [];
}

function deviationsOfField(
  name: string,
  ours: GraphQLField<unknown, unknown>,
  original: GraphQLField<unknown, unknown> | undefined,
): string[] {
  if (!original) return [`${name} is not published`];
  const type =
    String(ours.type) === String(original.type) ? [] : [`${name} is published as ${String(original.type)}`];
  const args = Object.fromEntries(ours.args.map((arg) => [arg.name, arg]));
  return [
    ...type,
    ...deviationsOfInputs(name, ours.args, original.args),
    ...missing(name, args, original.args.filter(isRequiredArgument)),
  ];
}

function deviationsOfInputs(
  name: string,
  ours: readonly (GraphQLArgument | GraphQLInputField)[],
  original: readonly (GraphQLArgument | GraphQLInputField)[],
): string[] {
  const spell = ({ type, defaultValue }: GraphQLArgument | GraphQLInputField): string =>
    `${String(type)} = ${JSON.stringify(defaultValue)}`;
  return ours.flatMap((input) => {
    const published = original.find((candidate) => candidate.name === input.name);
    if (!published) return [`${name}(${input.name}) is not published`];
    if (spell(input) === spell(published)) return [];
    return [`${name}(${input.name}) is published as ${spell(published)}`];
  });
}

function missing(name: string, ours: object, required: readonly { readonly name: string }[]): string[] {
  return required.filter((input) => !(input.name in ours)).map((input) => `${name} lacks ${input.name}`);
}

describe.skipIf(!hasPublishedSchemas)('the emulated schemas', () => {
  it.each([
    ['fluent', fluentSchema],
    ['commercetools', commercetoolsSchema],
  ] as const)('spell %s as it is published: types, fields, arguments, nullability', (name, schema) => {
    expect(deviations(schema, publishedSchema(name))).toEqual([]);
  });

  it('are compared strictly', () => {
    expect(deviations(commercetoolsSchema, publishedSchema('fluent'))).toEqual(
      expect.arrayContaining(['Order.version is not published', 'OrderState is not published']),
    );
    expect(deviations(fluentSchema, publishedSchema('commercetools'))).toEqual(
      expect.arrayContaining(['Order.ref is not published', 'Order.id is published as String!']),
    );
  });
});
