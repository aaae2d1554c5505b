import { DUPLICATE, customerResolvers } from './customer-resolvers.js';
import type { EmulatedCustomers, NewFluentCustomer } from './customer-state.js';
import { FluentApiError } from './fluent-api-error.js';
import {
  type FluentOrderItemRecord,
  type FluentState,
  type FulfilmentChoiceRecord,
  type NewFluentSetting,
  type OrderChanges,
  orderItemId,
} from './fluent-state.js';
import { fulfilmentResolvers } from './fulfilment-resolvers.js';
import type { EmulatedFulfilments } from './fulfilment-state.js';
import { filtered } from './list-filters.js';
import { type PageArguments, mapNodes, paginate } from './paging.js';

interface OrdersArguments extends PageArguments {
  readonly customerLink?: { readonly ref: string } | null;
  readonly payment?: { readonly ref: string } | null;
}

type StoredOrder = FluentState['orders'][number];

interface OrderInput extends Omit<OrderChanges, 'items' | 'status'> {
  readonly ref: string;
  readonly type: string;
  readonly retailer: { readonly id: string };
  readonly payment?: { readonly ref: string } | null;
  readonly fulfilmentChoice?: FulfilmentChoiceRecord | null;
  readonly items: readonly (FluentOrderItemRecord | null)[];
}

type CreateOrderInput = OrderInput & { readonly customer: { readonly id: string } };
type CreateOrderAndCustomerInput = OrderInput & { readonly customer: NewFluentCustomer };

interface SettingInput extends Omit<NewFluentSetting, 'value'> {
  readonly value?: string | null;
  readonly valueType: string;
  readonly context: string;
  readonly contextId: number;
}

/** The status of an order that `createOrder` has stored and no workflow has seen. */
export const CREATED = 'CREATED';

/** Who the token belongs to. */
export interface FluentUser {
  readonly username: string;
  readonly retailerId: string;
}

/**
 * The root of every query: a function per root field of the schema.
 *
 * @param onOrderCreated hears of an order right after `createOrder` has stored it
 */
export function fluentResolvers(
  state: FluentState,
  fulfilmentState: EmulatedFulfilments,
  customerState: EmulatedCustomers,
  user: FluentUser,
  onOrderCreated: (orderId: string) => void,
): object {
  const retailer = (id: string): object => ({
    id,
    ref: `RETAILER_${id}`,
    status: 'ACTIVE',
    tradingName: `Retailer ${id}`,
  });
  const orderById = (id: string): object | null => order(state.order(id));
  const fulfilments = fulfilmentResolvers(fulfilmentState, {
    order: orderById,
    orderItem: (orderId, ref) =>
      itemsOf(state.existingOrder(orderId)).find((item) => item.ref === ref) ?? null,
    retailer: () => retailer(user.retailerId),
  });
  const customers = customerResolvers(customerState, orderById);
  const order = (stored: StoredOrder | undefined): object | null =>
    stored
      ? {
          ...stored.fields,
          id: stored.id,
          ref: stored.ref,
          type: stored.type,
          status: stored.status,
          workflowRef: `ORDER::${stored.type}`,
          workflowVersion: 1,
          createdOn: stored.createdOn,
          updatedOn: stored.updatedOn,
          attributes: stored.attributes,
          retailer: retailer(stored.retailerId),
          totalPrice: stored.totalPrice,
          totalTaxPrice: stored.totalTaxPrice,
          items: (args: PageArguments) =>
            mapNodes(paginate(itemsOf(stored), args), (item) => ({ ...item, order: () => order(stored) })),
          customer: () => customerState.get(stored.customerId ?? '') ?? null,
          fulfilmentChoice: stored.fulfilmentChoice ? choiceOf(stored, stored.fulfilmentChoice) : null,
          fulfilments: (args: PageArguments) => fulfilments.ofOrder(stored.id, args),
          financialTransactions: (args: PageArguments) => customers.transactionsOf(stored.id, args),
        }
      : null;
  const createOrder = (input: OrderInput, customerId: string): object | null => {
    const { ref, type, attributes, items, payment, fulfilmentChoice, totalPrice, totalTaxPrice } = input;
    if (state.orderByRef(ref)) throw new FluentApiError(DUPLICATE, `an order with the ref ${ref} exists`);
    const { id } = state.addOrder({
      ref,
      type,
      status: CREATED,
      retailerId: input.retailer.id,
      attributes: attributes ?? [],
      items: items.filter((item) => item !== null),
      totalPrice,
      totalTaxPrice,
      customerId,
      paymentRef: payment?.ref,
      fulfilmentChoice: fulfilmentChoice ?? undefined,
    });
    onOrderCreated(id);
    return order(state.order(id));
  };
  return {
    ...fulfilments.root,
    ...customers.root,
    me: () => ({
      id: '1',
      ref: user.username,
      username: user.username,
      type: 'ADMIN',
      status: 'ACTIVE',
      primaryRetailer: retailer(user.retailerId),
    }),
    retailerById: ({ id }: { id: string }) =>
      id === user.retailerId || state.orders.some(({ retailerId }) => retailerId === id)
        ? retailer(id)
        : null,
    orderById: ({ id }: { id: string }) => orderById(id),
    order: ({ id, ref }: { id?: string | null; ref?: string | null }) => {
      const found = id == null ? state.orderByRef(ref ?? '') : state.order(id);
      return order(ref == null || found?.ref === ref ? found : undefined);
    },
    orders: ({ customerLink, payment, ...args }: OrdersArguments) => {
      const customer = customerLink && customerState.byRef(customerLink.ref);
      const matching = filtered(state.orders, args).filter(
        ({ customerId, paymentRef }) =>
          (!customerLink || (customer !== undefined && customerId === customer?.id)) &&
          (!payment || paymentRef === payment.ref),
      );
      return mapNodes(paginate(matching, args), order);
    },
    setting: ({ id }: { id?: string | null }) => state.settings.find((setting) => setting.id === id) ?? null,
    settings: (args: PageArguments) => paginate(filtered(state.settings, args), args),
    createOrder: ({ input }: { input?: CreateOrderInput | null }) => {
      if (!input) return null;
      const { id } = input.customer;
      if (customerState.all.length > 0 && !customerState.get(id)) {
        throw new FluentApiError('C0120E', `there is no customer ${id}`);
      }
      return createOrder(input, id);
    },
    createOrderAndCustomer: ({ input }: { input?: CreateOrderAndCustomerInput | null }) => {
      if (!input) return null;
      // Before the customer is stored: all or nothing.
      if (state.orderByRef(input.ref)) {
        throw new FluentApiError(DUPLICATE, `an order with the ref ${input.ref} exists`);
      }
      return createOrder(input, customers.createCustomer(input.customer).id);
    },
    updateOrder: ({ input }: { input?: (OrderChanges & { readonly id: string }) | null }) => {
      if (!input) return null;
      if (!state.order(input.id)) throw new FluentApiError('C0014E', `there is no order ${input.id}`);
      return order(state.updateOrder(input.id, input));
    },
    createSetting: ({ input }: { input?: SettingInput | null }) => {
      if (!input) return null;
      const { name, context, contextId } = input;
      const isTaken = state.settings.some(
        (other) => other.name === name && other.context === context && other.contextId === contextId,
      );
      if (isTaken) throw new FluentApiError('C0120E', `the setting ${name} exists in that context`);
      return state.setSetting({ ...input, value: input.value ?? undefined });
    },
    updateSetting: ({ input }: { input?: (Partial<SettingInput> & { readonly id: string }) | null }) => {
      if (!input) return null;
      const stored = state.settings.find(({ id }) => id === input.id);
      if (!stored) throw new FluentApiError('C0014E', `there is no setting ${input.id}`);
      return state.updateSetting(stored, input);
    },
  };
}

function itemsOf(order: StoredOrder) {
  const { items, createdOn, updatedOn } = order;
  return items.map((item, index) => ({
    ...item,
    sequence: index + 1,
    id: orderItemId(order, index),
    status: item.status ?? 'ACTIVE',
    createdOn,
    updatedOn,
  }));
}

function choiceOf({ id, createdOn, updatedOn }: StoredOrder, choice: FulfilmentChoiceRecord): object {
  const { deliveryAddress } = choice;
  const common = { id: `${id}-choice`, createdOn, updatedOn };
  return {
    ...choice,
    ...common,
    deliveryAddress: deliveryAddress && {
      __typename: 'CustomerAddress',
      ...deliveryAddress,
      ...common,
      id: `${id}-address`,
    },
  };
}
