import { type TypedDocumentNode, gql } from '@apollo/client';

/** An order as Fluent sends it: nearly everything may be null. */
export interface OrderNode {
  id: string;
  ref: string | null;
  type: string;
  status: string | null;
  updatedOn: string | null;
  retailer: { id: string } | null;
  attributes: ({ name: string; type: string; value: unknown } | null)[] | null;
}

/** A setting as Fluent sends it. */
export interface SettingNode {
  name: string | null;
  valueType: string | null;
  lobValue: unknown;
  value: string | null;
  context: string;
  contextId: number;
}

/** One page of a list. */
export interface Connection<TNode> {
  edges: ({ cursor: string | null; node: TNode | null } | null)[] | null;
  pageInfo: { hasNextPage: boolean | null } | null;
}

type Page = { first: number; after: string | null };

export const ORDER_BY_ID: TypedDocumentNode<{ orderById: OrderNode | null }, { id: string }> = gql`
  query OrderById($id: ID!) {
    orderById(id: $id) {
      id
      ref
      type
      status
      updatedOn
      retailer {
        id
      }
      attributes {
        name
        type
        value
      }
    }
  }
`;

export const ORDERS_UPDATED_SINCE: TypedDocumentNode<
  { orders: Connection<OrderNode> | null },
  Page & { since: string }
> = gql`
  query OrdersUpdatedSince($since: DateTime!, $first: Int!, $after: String) {
    orders(updatedOn: { from: $since }, first: $first, after: $after) {
      edges {
        cursor
        node {
          id
          ref
          type
          status
          updatedOn
          retailer {
            id
          }
          attributes {
            name
            type
            value
          }
        }
      }
      pageInfo {
        hasNextPage
      }
    }
  }
`;

export const SETTINGS: TypedDocumentNode<
  { settings: Connection<SettingNode> | null },
  Page & { names: readonly string[]; contexts: readonly string[]; contextIds: readonly number[] }
> = gql`
  query Settings($names: [String], $contexts: [String!], $contextIds: [Int!], $first: Int!, $after: String) {
    settings(name: $names, context: $contexts, contextId: $contextIds, first: $first, after: $after) {
      edges {
        cursor
        node {
          name
          valueType
          lobValue
          value
          context
          contextId
        }
      }
      pageInfo {
        hasNextPage
      }
    }
  }
`;
