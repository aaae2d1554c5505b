import { Kind, type DocumentNode, type FragmentDefinitionNode, type SelectionSetNode, parse } from 'graphql';
import { ConfigurationError } from '../errors.js';
import type { FieldsOption, HookedOrder, OrderStatusHookOptions } from './order-status-hook.js';

/** What a fragment asks for, by the names in the answer. A field without a selection may hold anything. */
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

/**
 * Lets a mistyped field fail. A field that the hook's fragment does not ask for would be undefined in every order, so the hook
 * would do nothing, and no message would tell.
 *
 * @param options with fragments that are known to be valid.
 * @returns gives the order as the hook sees it: reading a field that no fragment asked for throws a ConfigurationError that
 * names the hook and the field.
 */
export function orderViewFor(
  hookName: string,
  options: OrderStatusHookOptions,
): (order: HookedOrder) => HookedOrder {
  const askedBy = (option: FieldsOption, order: keyof HookedOrder): Asked | undefined => {
    const source = options[option];
    return source === undefined
      ? undefined
      : askedIn(
          typeof source === 'string' ? parse(source) : source,
          (path, names) =>
            new ConfigurationError(
              `hook ${hookName} reads ${order}.${path}, but its ${option} do not ask for it ` +
                `(they ask for ${names.join(', ')} there); correct the name, or add the field to the fragment`,
              { code: 'UnknownField' },
            ),
        );
  };
  const fluent = askedBy('fluentFields', 'fluentOrder');
  const commercetools = askedBy('commercetoolsFields', 'commercetoolsOrder');
  return (order) => ({
    ...order,
    fluentOrder: withAskedFields(order.fluentOrder, fluent),
    commercetoolsOrder: withAskedFields(order.commercetoolsOrder, commercetools),
  });
}

function withAskedFields<T extends { readonly fields: unknown }>(order: T, asked: Asked | undefined): T {
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

function askedIn(document: DocumentNode, refuse: (path: string, names: readonly string[]) => Error): Asked {
  const fragments = document.definitions as readonly FragmentDefinitionNode[];

  /** Collects each name, with the selections that it has in all fragments: one answer holds them all. */
  const collect = (set: SelectionSetNode, names: Map<string, SelectionSetNode[]>): void => {
    for (const node of set.selections) {
      if (node.kind === Kind.FIELD) {
        const name = (node.alias ?? node.name).value;
        names.set(name, [...(names.get(name) ?? []), ...(node.selectionSet ? [node.selectionSet] : [])]);
      } else {
        const isInline = node.kind === Kind.INLINE_FRAGMENT;
        const used = isInline ? node : fragments.find(({ name }) => name.value === node.name.value)!;
        collect(used.selectionSet, names);
      }
    }
  };
  const asked = (sets: readonly SelectionSetNode[], path: string): Asked => {
    const names = new Map<string, SelectionSetNode[]>();
    for (const set of sets) collect(set, names);
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
  return asked([fragments[0]!.selectionSet], 'fields');
}
