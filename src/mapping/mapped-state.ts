import { ORDER_STATES, PAYMENT_STATES, SHIPMENT_STATES } from '../commercetools/index.js';
import type { MappingKind } from '../config/index.js';
import { ConfigurationError } from '../errors.js';
import type { SettingValue } from '../settings/index.js';

const STATES = { order: ORDER_STATES, payment: PAYMENT_STATES, shipping: SHIPMENT_STATES } as const;

/** The state that a mapping of this kind leads to. */
export type MappedState<TKind extends MappingKind> = (typeof STATES)[TKind][number];

/** By folded spelling, for each kind. */
const STATE_OF = {
  order: spellings('order'),
  payment: spellings('payment'),
  shipping: spellings('shipping'),
};

/**
 * Pure: the state that a mapping setting gives a status.
 *
 * Only the entry of this status is checked, so that a wrong one stops the orders that it concerns and no others.
 *
 * @returns undefined when the mapping has no entry for the status.
 * @throws ConfigurationError when the setting is no mapping, or the entry is no state of this kind.
 */
export function mappedState<TKind extends MappingKind>(
  kind: TKind,
  setting: SettingValue,
  status: string,
): MappedState<TKind> | undefined {
  const entries = entriesOf(kind, setting);
  if (!Object.hasOwn(entries, status)) return undefined;
  const value = entries[status];
  const state = stateOf(kind, value);
  if (state === undefined) {
    throw new ConfigurationError(
      `setting ${setting.name} (${setting.context}) maps the status ${status} to ${JSON.stringify(value)}, ` +
        `which is no ${kind} state; allowed are ${STATES[kind].join(', ')}`,
    );
  }
  return state;
}

/**
 * Pure: every entry of a mapping setting. A wrong one is left out: {@link mappedState} refuses it when an
 * order has its status.
 *
 * @throws ConfigurationError when the setting is no mapping.
 */
export function mappedStates<TKind extends MappingKind>(
  kind: TKind,
  setting: SettingValue,
): ReadonlyMap<string, MappedState<TKind>> {
  const states = new Map<string, MappedState<TKind>>();
  for (const [status, value] of Object.entries(entriesOf(kind, setting))) {
    const state = stateOf(kind, value);
    if (state !== undefined) states.set(status, state);
  }
  return states;
}

function entriesOf(kind: MappingKind, setting: SettingValue): Record<string, unknown> {
  const entries = ownProperty(setting.value, 'fluent');
  if (typeof entries !== 'object' || entries === null || Array.isArray(entries)) {
    throw new ConfigurationError(
      `setting ${setting.name} (${setting.context}) is no ${kind} status mapping: ` +
        'it must hold JSON of the form {"fluent":{"<FLUENT STATUS>":"<commercetools state>"}}',
    );
  }
  return entries as Record<string, unknown>;
}

function stateOf<TKind extends MappingKind>(kind: TKind, value: unknown): MappedState<TKind> | undefined {
  return typeof value === 'string'
    ? (STATE_OF[kind].get(fold(value)) as MappedState<TKind> | undefined)
    : undefined;
}

function spellings(kind: MappingKind): ReadonlyMap<string, string> {
  return new Map(STATES[kind].map((state) => [fold(state), state]));
}

/** commercetools itself spells it `Cancelled` for orders and `Canceled` for shipments. */
function fold(value: string): string {
  const lower = value.toLowerCase();
  return lower === 'cancelled' ? 'canceled' : lower;
}

/** Statuses are free text: `constructor` must not find what every object inherits. */
function ownProperty(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Record<string, unknown>)[name];
}
