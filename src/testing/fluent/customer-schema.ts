/** Customers, payments and the choices of an order, with the inputs that create them. */
export const CUSTOMER_SDL = /* GraphQL */ `
  extend type Query {
    customerById(id: ID!): Customer
    customer(ref: String!): Customer
  }

  extend type Mutation {
    createCustomer(input: CreateCustomerInput): Customer
    createOrderAndCustomer(input: CreateOrderAndCustomerInput): Order
    createFinancialTransaction(input: CreateFinancialTransactionInput): FinancialTransaction
  }

  extend type Order {
    customer: Customer
    fulfilmentChoice: FulfilmentChoice
    financialTransactions(
      ref: [String]
      type: [String!]
      status: [String]
      first: Int
      last: Int
      before: String
      after: String
    ): FinancialTransactionConnection
  }

  type Customer {
    id: ID!
    ref: String
    status: String
    attributes: [Attribute]
    country: String
    firstName: String
    lastName: String
    username: String
    primaryEmail: String
    primaryPhone: String
  }

  type FulfilmentChoice {
    id: ID!
    createdOn: DateTime
    updatedOn: DateTime
    currency: String
    deliveryInstruction: String
    deliveryType: String!
    fulfilmentPrice: Float
    fulfilmentTaxPrice: Float
    fulfilmentType: String
    pickupLocationRef: String
    deliveryAddress: Address
  }

  interface Address {
    id: ID!
    createdOn: DateTime
    updatedOn: DateTime
    ref: String
    companyName: String
    name: String
    street: String
    city: String
    state: String
    postcode: String
    region: String
    country: String
    latitude: Float
    longitude: Float
    timeZone: String
  }

  type CustomerAddress implements Address {
    id: ID!
    createdOn: DateTime
    updatedOn: DateTime
    ref: String
    companyName: String
    name: String
    street: String
    city: String
    state: String
    postcode: String
    region: String
    country: String
    latitude: Float
    longitude: Float
    timeZone: String
  }

  type FinancialTransactionConnection {
    edges: [FinancialTransactionEdge]
    pageInfo: PageInfo
  }

  type FinancialTransactionEdge {
    node: FinancialTransaction
    cursor: String
  }

  type FinancialTransaction implements Node & Orchestrateable {
    id: ID!
    ref: String
    type: String!
    status: String
    workflowRef: String!
    workflowVersion: Int!
    createdOn: DateTime
    updatedOn: DateTime
    total: Float!
    currency: String!
    externalTransactionCode: String
    externalTransactionId: String
    cardType: String
    paymentMethod: String
    paymentProviderName: String
    order: Order
  }

  input CreateCustomerInput {
    username: String!
    attributes: [AttributeInput]
    title: String
    department: String
    country: String
    firstName: String!
    lastName: String
    primaryEmail: String!
    primaryPhone: String
    timezone: String!
    promotionOptIn: Boolean!
    retailer: RetailerId!
  }

  extend input CreateOrderInput {
    payment: PaymentKey
    fulfilmentChoice: CreateFulfilmentChoiceWithOrderInput
  }

  input CreateOrderAndCustomerInput {
    ref: String!
    type: String!
    attributes: [AttributeInput]
    retailer: RetailerId!
    totalPrice: Float
    totalTaxPrice: Float
    payment: PaymentKey
    fulfilmentChoice: CreateFulfilmentChoiceWithOrderInput
    customer: CreateCustomerInput!
    items: [CreateOrderItemWithOrderInput]!
  }

  input PaymentKey {
    ref: String!
  }

  input CreateFulfilmentChoiceWithOrderInput {
    currency: String
    deliveryInstruction: String
    deliveryType: String!
    fulfilmentPrice: Float
    fulfilmentTaxPrice: Float
    fulfilmentType: String
    pickupLocationRef: String
    deliveryAddress: CreateCustomerAddressInput
  }

  input CreateCustomerAddressInput {
    ref: String!
    companyName: String
    name: String
    street: String
    city: String
    state: String
    postcode: String
    region: String
    country: String
    latitude: Float
    longitude: Float
    timeZone: String
  }

  input CreateFinancialTransactionInput {
    ref: String!
    type: String!
    amount: Float!
    currency: String!
    externalTransactionCode: String
    externalTransactionId: String
    cardType: String
    paymentMethod: String!
    paymentProvider: String
    order: OrderId!
  }

  input OrderId {
    id: ID!
  }
`;
