import { CommercetoolsApiError } from './commercetools-api-error.js';
import type { StoredOrder } from './commercetools-state.js';

const FIELDS = ['id', 'orderNumber', 'orderState', 'paymentState', 'shipmentState'] as const;
const STRING = '"(?:[^"\\\\]|\\\\.)*"';
const PREDICATE = new RegExp(
  `^\\s*(${FIELDS.join('|')})\\s*(?:=\\s*(${STRING})|in\\s*\\(\\s*(${STRING}(?:\\s*,\\s*${STRING})*)\\s*\\))\\s*$`,
);

const CUSTOM_FIELD = new RegExp(
  `^\\s*custom\\(\\s*fields\\(\\s*(?:\`([^\`]+)\`|(\\w+))\\s*=\\s*(${STRING})\\s*\\)\\s*\\)\\s*$`,
);

/**
 * Reads the simple predicates `field = "value"`, `field in ("a", "b")` and `custom(fields(name = "value"))`.
 *
 * @throws CommercetoolsApiError for any other: an emulator must not guess what a filter means.
 */
export function orderPredicate(where: string | null | undefined): (order: StoredOrder) => boolean {
  if (where == null) return () => true;
  const custom = CUSTOM_FIELD.exec(where);
  if (custom) {
    const [, quoted, plain, text = ''] = custom;
    const value = JSON.parse(text) as unknown;
    return (order) => order.custom?.fields[quoted ?? plain ?? ''] === value;
  }
  const match = PREDICATE.exec(where);
  if (!match) {
    throw new CommercetoolsApiError(
      'InvalidInput',
      `Malformed parameter: where: the emulator understands field = "value" and field in ("a", "b") for ${FIELDS.join(', ')}, and custom(fields(name = "value"))`,
    );
  }
  const field = match[1] as (typeof FIELDS)[number];
  const values = new Set(
    (match[2] ?? match[3] ?? '').match(new RegExp(STRING, 'g'))?.map((text) => JSON.parse(text) as string),
  );
  return (order) => {
    const value = order[field];
    return value !== null && values.has(value);
  };
}
