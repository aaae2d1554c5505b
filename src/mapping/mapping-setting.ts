import { ORDER_STATES, PAYMENT_STATES, SHIPMENT_STATES } from '../commercetools/index.js';
import type { MappingKind } from '../config/index.js';
import { ConfigurationError, asError } from '../errors.js';
import type { SettingValue } from '../settings/index.js';

/** Fluent accounts use both spellings. The documented one of each kind comes first. */
const SPELLINGS: Readonly<Record<MappingKind, readonly [string, string]>> = {
  order: [
    'fc.connect.commercetools.order.order-status-mapping',
    'fc.connect.commerce-tools.order.order-status-mapping',
  ],
  payment: [
    'fc.connect.commerce-tools.order.payment-status-mapping',
    'fc.connect.commercetools.order.payment-status-mapping',
  ],
  shipping: [
    'fc.connect.commerce-tools.order.shipping-status-mapping',
    'fc.connect.commercetools.order.shipping-status-mapping',
  ],
};

/** The names that are looked for unless the configuration has others. */
export const DEFAULT_MAPPING_SETTINGS: Readonly<Record<MappingKind, string>> = {
  order: SPELLINGS.order[0],
  payment: SPELLINGS.payment[0],
  shipping: SPELLINGS.shipping[0],
};

/**
 * Pure: the names of a mapping setting, in order of preference. Only the default has a second spelling; a name from
 * the configuration is used alone.
 */
export function settingNames(kind: MappingKind, configured: string): readonly string[] {
  return configured === SPELLINGS[kind][0] ? SPELLINGS[kind] : [configured];
}

const STATES = { order: ORDER_STATES, payment: PAYMENT_STATES, shipping: SHIPMENT_STATES } as const;

/** A state that a mapping of this kind can give. */
export type MappedState<TKind extends MappingKind> = (typeof STATES)[TKind][number];

/** The states of each kind by their folded spelling. */
const STATE_OF = {
  order: spellings('order'),
  payment: spellings('payment'),
  shipping: spellings('shipping'),
};

/**
 * Pure: the state that a mapping setting gives a status.
 *
 * Only the entry of this status is checked, so that an invalid entry stops only the orders with its status.
 *
 * @returns undefined when the mapping has no entry for the status.
 * @throws ConfigurationError when the setting is not a mapping, or the entry is not a state of this kind.
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
        `which is not a valid ${kind} state; allowed are ${STATES[kind].join(', ')}`,
    );
  }
  return state;
}

/**
 * Pure: every valid entry of a mapping setting. {@link mappedState} reports an invalid one when an order has its
 * status.
 *
 * @throws ConfigurationError when the setting is not a mapping.
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

/** Pure: the valid entries of a mapping setting, and everything that is wrong with it. */
export function inspectMapping(
  kind: MappingKind,
  setting: SettingValue,
): { readonly states: ReadonlyMap<string, string>; readonly problems: readonly string[] } {
  const problems: string[] = [];
  const states = new Map<string, string>();
  try {
    for (const status of Object.keys(entriesOf(kind, setting))) {
      try {
        states.set(status, mappedState(kind, setting, status)!);
      } catch (error) {
        problems.push(asError(error).message);
      }
    }
  } catch (error) {
    problems.push(asError(error).message);
  }
  return { states, problems };
}

function entriesOf(kind: MappingKind, setting: SettingValue): Record<string, unknown> {
  const entries = ownProperty(setting.value, 'fluent');
  if (typeof entries !== 'object' || entries === null || Array.isArray(entries)) {
    throw new ConfigurationError(
      `setting ${setting.name} (${setting.context}) is not a valid ${kind} status mapping: ` +
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

/** commercetools spells `Cancelled` for orders and `Canceled` for shipments. */
function fold(value: string): string {
  const lower = value.toLowerCase();
  return lower === 'cancelled' ? 'canceled' : lower;
}

/** Statuses are free text: `constructor` must not find an inherited property. */
function ownProperty(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Record<string, unknown>)[name];
}
