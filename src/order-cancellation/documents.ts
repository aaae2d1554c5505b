import { type TypedDocumentNode, gql } from '@apollo/client';
import type { CommercetoolsInitiator } from '../notification/index.js';

/** A commercetools order with who wrote it last. */
export interface CancelledOrderNode {
  id: string;
  version: number;
  orderState: string;
  lastModifiedBy: CommercetoolsInitiator | null;
}

export const CANCELLED_ORDER: TypedDocumentNode<{ order: CancelledOrderNode | null }, { id: string }> = gql`
  query CancelledOrder($id: String!) {
    order(id: $id) {
      id
      version
      orderState
      lastModifiedBy {
        clientId
      }
    }
  }
`;

/** A Fluent order that has one of the refs. */
export interface OrderByRefNode {
  id: string;
  ref: string | null;
  retailer: { id: string } | null;
}

export const ORDERS_BY_REF: TypedDocumentNode<
  { orders: { edges: ({ node: OrderByRefNode | null } | null)[] | null } | null },
  { refs: readonly string[] }
> = gql`
  query OrdersByRef($refs: [String]) {
    orders(ref: $refs, first: 50) {
      edges {
        node {
          id
          ref
          retailer {
            id
          }
        }
      }
    }
  }
`;
