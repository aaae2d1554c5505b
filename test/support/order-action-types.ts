import {
  type GraphQLInputObjectType,
  type GraphQLInputType,
  type GraphQLNamedInputType,
  type GraphQLSchema,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isRequiredInputField,
} from 'graphql';

const SCALARS: Readonly<Record<string, string>> = {
  Boolean: 'boolean',
  Float: 'number',
  Int: 'number',
  Long: 'number',
};

/** @returns TypeScript's types of the update actions that a schema has. Scalars that JSON has not are text. */
export function orderActionTypes(schema: GraphQLSchema): string {
  const root = schema.getType('OrderUpdateAction');
  if (!isInputObjectType(root)) throw new Error('the schema has no input OrderUpdateAction');
  const inputs = new Map<string, GraphQLInputObjectType>();
  collect(root, inputs);
  inputs.delete(root.name);
  const actions = Object.values(root.getFields()).map(
    ({ name, type }) => `readonly ${name}: ${nameOf(getNamedType(type))};`,
  );
  return [
    '// Made from the schema of the emulator by order-update-actions.spec.ts: run it with vitest -u.',
    '/** The update actions of commercetools orders that are typed, by their name, with their fields. */\n' +
      `export interface OrderUpdateActions { ${actions.join('\n')} }`,
    ...[...inputs.values()].toSorted((a, b) => a.name.localeCompare(b.name)).map(interfaceOf),
  ].join('\n\n');
}

function collect(type: GraphQLInputObjectType, inputs: Map<string, GraphQLInputObjectType>): void {
  if (inputs.has(type.name)) return;
  inputs.set(type.name, type);
  for (const field of Object.values(type.getFields())) {
    const named = getNamedType(field.type);
    if (isInputObjectType(named)) collect(named, inputs);
  }
}

function interfaceOf(type: GraphQLInputObjectType): string {
  const fields = Object.values(type.getFields()).map((field) => {
    const isRequired = isRequiredInputField(field);
    return `readonly ${field.name}${isRequired ? '' : '?'}: ${typeOf(field.type)};`;
  });
  return `/** Input of commercetools' GraphQL API. */\nexport interface ${type.name} { ${fields.join('\n')} }`;
}

function typeOf(type: GraphQLInputType): string {
  if (isNonNullType(type)) return withoutNull(type.ofType);
  return `${withoutNull(type)} | null`;
}

function withoutNull(type: GraphQLInputType): string {
  if (isListType(type)) return `readonly (${typeOf(type.ofType)})[]`;
  return nameOf(getNamedType(type));
}

function nameOf(type: GraphQLNamedInputType): string {
  if (isInputObjectType(type)) return type.name;
  if (isEnumType(type))
    return type
      .getValues()
      .map(({ name }) => `'${name}'`)
      .join(' | ');
  return SCALARS[type.name] ?? 'string';
}
