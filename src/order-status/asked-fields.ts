import { Kind, type DocumentNode, type SelectionSetNode, parse } from 'graphql';
import { ConfigurationError } from '../errors.js';
import type { HookedOrder } from './order-status-hook.js';
import type { FieldsOption, Hook } from './order-status-hooks.js';

/** What a fragment asks for, by the names in the answer. A field without a selection of its own may hold anything. */
interface Asked {
  readonly fields: ReadonlyMap<string, Asked | undefined>;
  /** The prototype of the objects in the answer. */
  readonly prototype: object;
}

/** What the language and its tools read of every object, e.g. `await`, `JSON.stringify` and `util.inspect`. */
const READ_OF_EVERY_OBJECT: ReadonlySet<string> = new Set([
  'then',
  'toJSON',
  'inspect',
  'nodeType',
  'asymmetricMatch',
  'href',
]);

const known = new WeakMap<Hook, Partial<Record<FieldsOption, Asked>>>();

/**
 * Lets a mistyped field fail. A field that the hook's fragment does not ask for would be undefined in every order, so the hook
 * would do nothing, and no message would tell.
 *
 * @returns the order as one hook sees it: reading a field that no fragment asked for throws a ConfigurationError that names the
 * hook and the field.
 */
export function orderSeenBy(hook: Hook, order: HookedOrder): HookedOrder {
  const { fluentFields, commercetoolsFields } = hook.options;
  if (fluentFields === undefined && commercetoolsFields === undefined) return order;
  return {
    ...order,
    fluentOrder: withAskedFields(hook, 'fluentFields', order.fluentOrder),
    commercetoolsOrder: withAskedFields(hook, 'commercetoolsFields', order.commercetoolsOrder),
  };
}

function withAskedFields<T extends { readonly fields: unknown }>(
  hook: Hook,
  option: FieldsOption,
  order: T,
): T {
  const asked = askedBy(hook, option);
  return asked ? { ...order, fields: guarded(order.fields, asked) } : order;
}

/** The prototype answers for what the object itself lacks: the object stays one that can be copied and printed. */
function guarded(value: unknown, asked: Asked): unknown {
  if (Array.isArray(value)) return value.map((each) => guarded(each, asked));
  if (typeof value !== 'object' || value === null) return value;
  const copy = Object.create(asked.prototype) as Record<string, unknown>;
  for (const [name, field] of Object.entries(value)) {
    const selection = asked.fields.get(name);
    copy[name] = selection ? guarded(field, selection) : field;
  }
  return copy;
}

function askedBy(hook: Hook, option: FieldsOption): Asked | undefined {
  const source = hook.options[option];
  if (source === undefined) return undefined;
  const ofHook = known.get(hook) ?? {};
  known.set(hook, ofHook);
  const order = option === 'fluentFields' ? 'fluentOrder' : 'commercetoolsOrder';
  const refuse = (path: string, names: readonly string[]): Error =>
    new ConfigurationError(
      `hook ${hook.name} reads ${order}.${path}, but its ${option} do not ask for it ` +
        `(they ask for ${names.join(', ')} there); correct the name, or add the field to the fragment`,
      { code: 'UnknownField' },
    );
  return (ofHook[option] ??= askedIn(typeof source === 'string' ? parse(source) : source, refuse));
}

function askedIn(
  { definitions }: DocumentNode,
  refuse: (path: string, names: readonly string[]) => Error,
): Asked | undefined {
  const fragments = definitions.filter((each) => each.kind === Kind.FRAGMENT_DEFINITION);

  /** Each name, with the selections that it has in all fragments: one answer holds them all. */
  const namesIn = (
    set: SelectionSetNode,
    names = new Map<string, SelectionSetNode[]>(),
  ): Map<string, SelectionSetNode[]> => {
    for (const node of set.selections) {
      if (node.kind === Kind.FIELD) {
        const name = (node.alias ?? node.name).value;
        names.set(name, [...(names.get(name) ?? []), ...(node.selectionSet ? [node.selectionSet] : [])]);
      } else {
        const used =
          node.kind === Kind.INLINE_FRAGMENT
            ? node
            : fragments.find(({ name }) => name.value === node.name.value);
        if (used) namesIn(used.selectionSet, names);
      }
    }
    return names;
  };
  const asked = (sets: readonly SelectionSetNode[], path: string): Asked => {
    const names = new Map<string, SelectionSetNode[]>();
    for (const set of sets) namesIn(set, names);
    const fields = new Map(
      [...names].map(([name, inner]) => [
        name,
        inner.length > 0 ? asked(inner, `${path}.${name}`) : undefined,
      ]),
    );
    const prototype = new Proxy(Object.prototype, {
      get: (target, name, receiver) => {
        if (
          typeof name === 'symbol' ||
          name in target ||
          fields.has(name) ||
          READ_OF_EVERY_OBJECT.has(name)
        ) {
          return Reflect.get(target, name, receiver) as unknown;
        }
        throw refuse(`${path}.${name}`, [...fields.keys()]);
      },
    });
    return { fields, prototype };
  };
  const [first] = fragments;
  return first && asked([first.selectionSet], 'fields');
}
