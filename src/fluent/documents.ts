import { type TypedDocumentNode, gql } from '@apollo/client';

/** An order as Fluent sends it. Nearly every field may be null. */
export interface OrderNode {
  id: string;
  ref: string | null;
  type: string;
  status: string | null;
  createdOn?: string | null;
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

/** One page of a list, with the fields that paging needs. */
export interface Connection<TNode> {
  readonly edges?:
    readonly ({ readonly cursor?: string | null; readonly node?: TNode | null } | null)[] | null;
  readonly pageInfo?: { readonly hasNextPage?: boolean | null } | null;
}

type Page = { first: number; after: string | null };

export const ORDER_BY_ID: TypedDocumentNode<{ orderById: OrderNode | null }, { id: string }> = gql`
  query OrderById($id: ID!) {
    orderById(id: $id) {
      id
      ref
      type
      status
      createdOn
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

/** Selects few fields, because an order with a field that Fluent cannot return makes the whole page fail. */
export const ORDERS_UPDATED_SINCE: TypedDocumentNode<
  { orders: Connection<Pick<OrderNode, 'id' | 'ref' | 'status' | 'updatedOn' | 'retailer'>> | null },
  Page & { since: string; until: string }
> = gql`
  query OrdersUpdatedSince($since: DateTime!, $until: DateTime!, $first: Int!, $after: String) {
    orders(updatedOn: { from: $since, to: $until }, first: $first, after: $after) {
      edges {
        cursor
        node {
          id
          ref
          status
          updatedOn
          retailer {
            id
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

export const ORDER_BY_REF: TypedDocumentNode<
  { orders: Connection<Pick<OrderNode, 'id' | 'ref' | 'type' | 'retailer'>> | null },
  { ref: string }
> = gql`
  query OrderByRef($ref: String!) {
    orders(ref: [$ref], first: 500) {
      edges {
        node {
          id
          ref
          type
          retailer {
            id
          }
        }
      }
    }
  }
`;

/** An attribute to write. */
export interface FluentAttributeInput {
  readonly name: string;
  /** e.g. `STRING`, `INTEGER`, `JSON`. */
  readonly type: string;
  readonly value: unknown;
}

/** A new order. Fluent accepts more fields than this type has. */
export interface CreateFluentOrderInput {
  readonly ref: string;
  /** e.g. `HD`, `CC`: selects the workflow. */
  readonly type: string;
  readonly retailer: { readonly id: string };
  readonly customer: { readonly id: string };
  readonly items: readonly {
    readonly ref: string;
    readonly productRef: string;
    readonly productCatalogueRef?: string;
    readonly quantity: number;
    readonly price?: number;
    readonly paidPrice?: number;
    readonly currency?: string;
    readonly attributes?: readonly FluentAttributeInput[];
  }[];
  readonly attributes?: readonly FluentAttributeInput[];
  readonly totalPrice?: number;
  readonly totalTaxPrice?: number;
  readonly [field: string]: unknown;
}

/** The changes of an order. Missing fields stay as they are. */
export interface UpdateFluentOrderInput {
  readonly id: string;
  readonly status?: string;
  readonly attributes?: readonly FluentAttributeInput[];
  readonly totalPrice?: number;
  readonly totalTaxPrice?: number;
  readonly [field: string]: unknown;
}

/** A new setting and the context that it is for. */
export interface CreateFluentSettingInput {
  readonly name: string;
  /** `JSON` and `LOB` values go into `lobValue`, others into `value`. */
  readonly valueType: string;
  readonly value?: string;
  readonly lobValue?: unknown;
  readonly context: string;
  /** The retailer's id for `RETAILER`, 0 for `ACCOUNT` and `GLOBAL`. */
  readonly contextId: number;
}

/** The changes of a setting. Its name cannot be changed. */
export interface UpdateFluentSettingInput extends Omit<CreateFluentSettingInput, 'name'> {
  readonly id: string;
  readonly name?: string;
}

/** An order in the answer of a mutation. */
export interface WrittenOrder {
  readonly id: string;
  readonly ref: string | null;
  readonly type: string;
  readonly status: string | null;
}

/** A setting in the answer of a mutation. */
export interface WrittenSetting extends SettingNode {
  readonly id: string;
}

/** Creates an order; for `FluentGraphql.mutate`. */
export const CREATE_ORDER: TypedDocumentNode<
  { createOrder: WrittenOrder | null },
  { input: CreateFluentOrderInput }
> = gql`
  mutation CreateOrder($input: CreateOrderInput) {
    createOrder(input: $input) {
      id
      ref
      type
      status
    }
  }
`;

/** Changes an order; for `FluentGraphql.mutate`. Fields that the input omits stay as they are. */
export const UPDATE_ORDER: TypedDocumentNode<
  { updateOrder: WrittenOrder | null },
  { input: UpdateFluentOrderInput }
> = gql`
  mutation UpdateOrder($input: UpdateOrderInput) {
    updateOrder(input: $input) {
      id
      ref
      type
      status
    }
  }
`;

/** Creates a setting; for `FluentGraphql.mutate`. */
export const CREATE_SETTING: TypedDocumentNode<
  { createSetting: WrittenSetting | null },
  { input: CreateFluentSettingInput }
> = gql`
  mutation CreateSetting($input: CreateSettingInput) {
    createSetting(input: $input) {
      id
      name
      valueType
      lobValue
      value
      context
      contextId
    }
  }
`;

/** Changes a setting; for `FluentGraphql.mutate`. */
export const UPDATE_SETTING: TypedDocumentNode<
  { updateSetting: WrittenSetting | null },
  { input: UpdateFluentSettingInput }
> = gql`
  mutation UpdateSetting($input: UpdateSettingInput) {
    updateSetting(input: $input) {
      id
      name
      valueType
      lobValue
      value
      context
      contextId
    }
  }
`;
