import { GraphQLError, GraphQLScalarType, buildSchema } from 'graphql';
import { CUSTOMER_SDL } from './customer-schema.js';
import { FULFILMENT_SDL } from './fulfilment-schema.js';

const ORDER_SDL = /* GraphQL */ `
  scalar DateTime
  scalar Json

  type Query {
    me: User
    retailerById(id: ID!): Retailer
    orderById(id: ID!): Order
    order(id: ID, ref: String): Order
    orders(
      ref: [String]
      type: [String!]
      status: [String]
      createdOn: DateRange
      updatedOn: DateRange
      customerLink: CustomerLinkInput
      payment: PaymentLinkInput
      first: Int
      last: Int
      before: String
      after: String
    ): OrderConnection
    setting(id: ID): Setting
    settings(
      name: [String]
      valueType: [String]
      value: [String]
      context: [String!]
      contextId: [Int!]
      first: Int
      last: Int
      before: String
      after: String
    ): SettingConnection
  }

  type Mutation {
    createOrder(input: CreateOrderInput): Order
    updateOrder(input: UpdateOrderInput): Order
    createSetting(input: CreateSettingInput): Setting
    updateSetting(input: UpdateSettingInput): Setting
  }

  input AttributeInput {
    name: String!
    type: String!
    value: Json!
  }

  input RetailerId {
    id: ID!
  }

  input CustomerId {
    id: ID!
  }

  input CreateOrderInput {
    ref: String!
    type: String!
    attributes: [AttributeInput]
    retailer: RetailerId!
    totalPrice: Float
    totalTaxPrice: Float
    customer: CustomerId!
    items: [CreateOrderItemWithOrderInput]!
  }

  input CreateOrderItemWithOrderInput {
    ref: String!
    productRef: String!
    productCatalogueRef: String
    quantity: Int!
    paidPrice: Float
    currency: String
    price: Float
    taxPrice: Float
    taxType: String
    totalPrice: Float
    totalTaxPrice: Float
    attributes: [AttributeInput]
  }

  input UpdateOrderInput {
    id: ID!
    status: String
    attributes: [AttributeInput]
    totalPrice: Float
    totalTaxPrice: Float
    items: [UpdateOrderItemWithOrderInput]
  }

  input UpdateOrderItemWithOrderInput {
    id: ID!
    ref: String
    productRef: String
    productCatalogueRef: String
    status: String
    quantity: Int
    paidPrice: Float
    currency: String
    price: Float
    taxPrice: Float
    taxType: String
    totalPrice: Float
    totalTaxPrice: Float
    attributes: [AttributeInput]
  }

  input CreateSettingInput {
    name: String!
    valueType: String!
    lobValue: Json
    value: String
    context: String!
    contextId: Int!
  }

  input UpdateSettingInput {
    id: ID!
    name: String
    valueType: String!
    lobValue: Json
    value: String
    context: String!
    contextId: Int!
  }

  input CustomerLinkInput {
    ref: String!
  }

  input PaymentLinkInput {
    ref: String!
  }

  input DateRange {
    from: DateTime
    to: DateTime
  }

  interface Node {
    id: ID!
    createdOn: DateTime
    updatedOn: DateTime
  }

  interface Referenceable {
    ref: String!
  }

  interface Orchestrateable {
    type: String!
    status: String
    workflowRef: String!
    workflowVersion: Int!
  }

  type PageInfo {
    hasPreviousPage: Boolean
    hasNextPage: Boolean
  }

  type Attribute {
    name: String!
    type: String!
    value: Json!
  }

  type User implements Node {
    id: ID!
    ref: String!
    username: String!
    type: String!
    status: String
    primaryRetailer: Retailer
    createdOn: DateTime
    updatedOn: DateTime
  }

  type Retailer implements Node & Referenceable {
    id: ID!
    createdOn: DateTime
    updatedOn: DateTime
    status: String
    ref: String!
    tradingName: String
  }

  type Order implements Node & Orchestrateable {
    id: ID!
    ref: String
    type: String!
    status: String
    workflowRef: String!
    workflowVersion: Int!
    createdOn: DateTime
    updatedOn: DateTime
    attributes: [Attribute]
    retailer: Retailer
    totalPrice: Float
    totalTaxPrice: Float
    items(first: Int, last: Int, before: String, after: String): OrderItemConnection
  }

  type OrderItemConnection {
    edges: [OrderItemEdge]
    pageInfo: PageInfo
  }

  type OrderItemEdge {
    node: OrderItem
    cursor: String
  }

  type OrderItem implements Node {
    id: ID!
    ref: String
    status: String!
    createdOn: DateTime
    updatedOn: DateTime
    quantity: Int!
    paidPrice: Float
    currency: String
    price: Float
    taxPrice: Float
    taxType: String
    totalPrice: Float
    totalTaxPrice: Float
    order: Order
    attributes: [Attribute]
  }

  type OrderConnection {
    edges: [OrderEdge]
    pageInfo: PageInfo
  }

  type OrderEdge {
    node: Order
    cursor: String
  }

  type Setting {
    id: ID!
    name: String
    valueType: String
    lobValue: Json
    value: String
    context: String!
    contextId: Int!
  }

  type SettingConnection {
    edges: [SettingEdge]
    pageInfo: PageInfo
  }

  type SettingEdge {
    node: Setting
    cursor: String
  }
`;

/**
 * The part of Fluent's GraphQL API that the emulator answers. Only arguments that are implemented are
 * declared, so that a filter is never ignored in silence.
 */
export const FLUENT_SDL = [ORDER_SDL, FULFILMENT_SDL, CUSTOMER_SDL].join('\n');

/** The schema with the scalars' checks. */
export const fluentSchema = buildSchema(FLUENT_SDL);

const dateTime = fluentSchema.getType('DateTime');
if (dateTime instanceof GraphQLScalarType) {
  dateTime.parseValue = (value) => {
    const milliseconds = typeof value === 'string' ? Date.parse(value) : Number.NaN;
    if (Number.isNaN(milliseconds)) throw new GraphQLError('DateTime must be an ISO 8601 date with time');
    return milliseconds;
  };
  // Validation asks for literals what execution asks for variables.
  dateTime.parseLiteral = (node) => dateTime.parseValue('value' in node ? node.value : undefined);
}
