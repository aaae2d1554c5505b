import { type TypedDocumentNode, gql } from '@apollo/client';
import { shownAs } from '../graphql/index.js';
import type { OrderState, OrderUpdateAction, PaymentState, ShipmentState } from './order.js';

/** An order as commercetools sends it. */
export interface OrderNode {
  id: string;
  orderNumber: string | null;
  version: number;
  orderState: OrderState;
  paymentState: PaymentState | null;
  shipmentState: ShipmentState | null;
}

export const ORDER_BY_NUMBER: TypedDocumentNode<{ order: OrderNode | null }, { orderNumber: string }> = gql`
  query OrderByNumber($orderNumber: String!) {
    order(orderNumber: $orderNumber) {
      id
      orderNumber
      version
      orderState
      paymentState
      shipmentState
    }
  }
`;

export const ORDER_BY_ID: TypedDocumentNode<{ order: OrderNode | null }, { id: string }> = gql`
  query OrderById($id: String!) {
    order(id: $id) {
      id
      orderNumber
      version
      orderState
      paymentState
      shipmentState
    }
  }
`;

/** At most two: one more than a unique field may find. */
export const ORDER_IDS: TypedDocumentNode<{ orders: { results: { id: string }[] } }, { where: string }> = gql`
  query OrderIds($where: String!) {
    orders(where: $where, limit: 2) {
      results {
        id
      }
    }
  }
`;

export const ORDER_REFERENCES: TypedDocumentNode<
  {
    order: {
      orderNumber: string | null;
      custom: { customFieldsRaw: { value: unknown }[] | null } | null;
    } | null;
  },
  { id: string; fields: readonly string[] }
> = gql`
  query OrderReferences($id: String!, $fields: [String!]) {
    order(id: $id) {
      orderNumber
      custom {
        customFieldsRaw(includeNames: $fields) {
          value
        }
      }
    }
  }
`;

/** The text is part of the contract with commercetools; `Search` says nothing to operators. */
export const UPDATE_ORDER: TypedDocumentNode<
  { search: { id: string } | null },
  { id: string; version: number; actions: readonly OrderUpdateAction[] }
> = shownAs(
  'UpdateOrder',
  gql`
    mutation Search($id: String!, $version: Long!, $actions: [OrderUpdateAction!]!) {
      search: updateOrder(id: $id, version: $version, actions: $actions) {
        id
      }
    }
  `,
);
