import type { Action, ActionSurroundings, ActionTable, UpdateActionRule } from './action-table.js';
import { CommercetoolsApiError } from './commercetools-api-error.js';
import { type CustomTypeInput, type FieldInput, customFields, withField } from './custom-fields.js';
import { DELIVERY_ACTIONS, identifiedBy } from './delivery-actions.js';
import type { LineItemRecord, OrderContent } from './order-record.js';
import type { ResourceIdentifier } from './project-state.js';

interface LineItemName {
  lineItemId?: string | null;
  lineItemKey?: string | null;
}

interface OrderPayloads {
  changeOrderState: { orderState: string };
  changePaymentState: { paymentState: string };
  changeShipmentState: { shipmentState: string };
  setCustomField: FieldInput;
  setCustomType: CustomTypeInput;
  setLineItemCustomField: LineItemName & FieldInput;
  setLineItemCustomType: LineItemName & CustomTypeInput;
  setStore: { store?: ResourceIdentifier | null };
}

const ORDER_ACTIONS: ActionTable<OrderPayloads> = {
  changeOrderState: (order, { orderState }) => ({ ...order, orderState }),
  changePaymentState: (order, { paymentState }) => ({ ...order, paymentState }),
  changeShipmentState: (order, { shipmentState }) => ({ ...order, shipmentState }),
  setCustomType: (order, payload, { project }) => ({ ...order, custom: customFields(payload, project) }),
  setCustomField: (order, field, { project }) => ({
    ...order,
    custom: withField(order.custom, field, 'the order', project),
  }),
  setLineItemCustomField: (order, { lineItemId, lineItemKey, ...field }, { project }) =>
    withLineItem(order, { lineItemId, lineItemKey }, (item) => ({
      ...item,
      custom: withField(item.custom, field, 'the line item', project),
    })),
  setLineItemCustomType: (order, { lineItemId, lineItemKey, ...type }, { project }) =>
    withLineItem(order, { lineItemId, lineItemKey }, (item) => ({
      ...item,
      custom: customFields(type, project),
    })),
  setStore: (order, { store }, { project }) => ({
    ...order,
    store: store ? project.existingStore(store).key : null,
  }),
};

// eslint-disable-next-line typescript/no-explicit-any -- the schema has checked the payload of each
const ACTIONS: Readonly<Record<string, Action<any>>> = { ...ORDER_ACTIONS, ...DELIVERY_ACTIONS };

/** The actions that the emulator knows by itself. */
export const UPDATE_ACTIONS: readonly string[] = Object.keys(ACTIONS);

/**
 * Applies update actions in their order; all or none.
 *
 * @param added by extensions.
 * @throws CommercetoolsApiError when one of them cannot be applied.
 */
export function applyActions(
  order: OrderContent,
  actions: readonly Readonly<Record<string, unknown>>[],
  surroundings: ActionSurroundings,
  added: Readonly<Record<string, UpdateActionRule>>,
): OrderContent {
  return actions.reduce<OrderContent>((changed, action) => {
    const [name, ...others] = Object.keys(action).filter((key) => action[key] != null);
    if (name === undefined || others.length > 0) {
      throw new CommercetoolsApiError('InvalidInput', 'an update action must have exactly one key');
    }
    // The schema has checked the name and the payload, and the start of the emulator that each name has a rule.
    const apply = (added[name] ?? ACTIONS[name]) as Action<unknown>;
    return apply(changed, action[name], surroundings);
  }, order);
}

function withLineItem(
  order: OrderContent,
  { lineItemId, lineItemKey }: LineItemName,
  change: (item: LineItemRecord) => LineItemRecord,
): OrderContent {
  const isMeant = identifiedBy(lineItemId, lineItemKey);
  if (!order.lineItems.some(isMeant)) {
    throw new CommercetoolsApiError('InvalidOperation', 'there is no such line item');
  }
  return { ...order, lineItems: order.lineItems.map((item) => (isMeant(item) ? change(item) : item)) };
}
