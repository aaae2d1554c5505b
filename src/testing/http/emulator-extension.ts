import {
  type GraphQLFieldResolver,
  type GraphQLSchema,
  defaultFieldResolver,
  extendSchema,
  isObjectType,
  parse,
} from 'graphql';

/** What a resolver of an extension receives as its context. */
export interface ExtensionContext<Emulator> {
  /** The emulator that answers, for its records. */
  readonly emulator: Emulator;
}

/**
 * Resolvers by type and field, with the arguments of graphql-js: `(source, args, context, info)`. They answer
 * synchronously, so that no other request comes in between. `source` has the fields of the API, for example `source.id`.
 */
export type ExtensionResolvers<Emulator> = Readonly<
  // eslint-disable-next-line typescript/no-explicit-any -- the types of sources and arguments are in the SDL
  Record<string, Readonly<Record<string, GraphQLFieldResolver<any, ExtensionContext<Emulator>>>>>
>;

/** Adds types, fields and data to an emulator. */
export interface EmulatorExtension<Emulator> {
  /** Type definitions, and `extend type …` for types that the emulator already has. */
  readonly sdl?: string;
  /**
   * A field of `Query` or `Mutation` needs a resolver. Every other field is read from its source by default. A
   * resolver of a field that the emulator already answers replaces the emulator's.
   */
  readonly resolvers?: ExtensionResolvers<Emulator>;
  /** Fills the emulator right after it is constructed. */
  readonly seed?: (emulator: Emulator) => void;
}

/** An extension of any emulator. */
// eslint-disable-next-line typescript/no-explicit-any -- the engine passes the emulator through
export type AnyExtension = EmulatorExtension<any>;

/**
 * @param owner the emulator, for messages.
 * @returns the schema with the definitions of all extensions, in their order.
 * @throws Error when the SDL is wrong, a resolver has no field, or a new root field has no resolver.
 */
export function extendEmulatedSchema(
  schema: GraphQLSchema,
  extensions: readonly AnyExtension[],
  owner: string,
): GraphQLSchema {
  let extended = schema;
  for (const { sdl } of extensions) {
    if (sdl === undefined) continue;
    try {
      extended = extendSchema(extended, parse(sdl));
    } catch (error) {
      throw new Error(`${owner}: the SDL of an extension is wrong: ${String(error)}`, { cause: error });
    }
  }
  const resolvers = extensions.flatMap((extension) =>
    Object.entries(extension.resolvers ?? {}).flatMap(([type, fields]) =>
      Object.keys(fields).map((field) => ({ type, field })),
    ),
  );
  for (const { type, field } of resolvers) {
    if (fieldNames(extended, type).includes(field)) continue;
    throw new Error(`${owner}: an extension has a resolver for ${type}.${field}, which is not in the schema`);
  }
  for (const root of ['Query', 'Mutation']) {
    const known = new Set(fieldNames(schema, root));
    const resolved = new Set(resolvers.filter(({ type }) => type === root).map(({ field }) => field));
    const missing = fieldNames(extended, root).find((field) => !known.has(field) && !resolved.has(field));
    if (missing !== undefined)
      throw new Error(`${owner}: an extension lacks the resolver of ${root}.${missing}`);
  }
  return extended;
}

/** @returns what resolves a field: the resolver of the last extension that has one, else the emulator's. */
export function extendedFieldResolver(
  extensions: readonly AnyExtension[],
): GraphQLFieldResolver<unknown, unknown> {
  const all = extensions.map(({ resolvers = {} }) => resolvers).toReversed();
  return (source, args, context, info) => {
    const { parentType, fieldName } = info;
    const own = all.find((resolvers) => resolvers[parentType.name]?.[fieldName] !== undefined);
    const resolve = own?.[parentType.name]?.[fieldName] ?? defaultFieldResolver;
    return resolve(source, args, context as ExtensionContext<unknown>, info);
  };
}

function fieldNames(schema: GraphQLSchema, name: string): readonly string[] {
  const type = schema.getType(name);
  return isObjectType(type) ? Object.keys(type.getFields()) : [];
}
