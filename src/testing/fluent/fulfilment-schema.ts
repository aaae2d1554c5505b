/** Fulfilments with their items and articles, and consignments with their carriers. */
export const FULFILMENT_SDL = /* GraphQL */ `
  extend type Query {
    fulfilmentById(id: ID!): Fulfilment
    fulfilments(
      ref: [String]
      type: [String!]
      status: [String]
      deliveryType: [String]
      createdOn: DateRange
      updatedOn: DateRange
      first: Int
      last: Int
      before: String
      after: String
    ): FulfilmentConnection
    consignmentById(id: ID!): Consignment
    consignments(
      ref: [String]
      status: [String]
      consignmentReference: [String!]
      createdOn: DateRange
      updatedOn: DateRange
      first: Int
      last: Int
      before: String
      after: String
    ): ConsignmentConnection
  }

  extend type Mutation {
    updateFulfilment(input: UpdateFulfilmentInput): Fulfilment
    updateConsignment(input: UpdateConsignmentInput): Consignment
  }

  extend type Order {
    fulfilments(
      ref: [String]
      type: [String!]
      status: [String]
      deliveryType: [String]
      createdOn: DateRange
      updatedOn: DateRange
      first: Int
      last: Int
      before: String
      after: String
    ): FulfilmentConnection
  }

  type FulfilmentConnection {
    edges: [FulfilmentEdge]
    pageInfo: PageInfo
  }

  type FulfilmentEdge {
    node: Fulfilment
    cursor: String
  }

  type Fulfilment implements Node & Orchestrateable {
    id: ID!
    ref: String
    status: String
    workflowRef: String!
    workflowVersion: Int!
    createdOn: DateTime
    updatedOn: DateTime
    attributes: [Attribute]
    deliveryType: String
    type: String!
    eta: String
    expiryTime: DateTime
    order: Order
    fromLocation: LocationLink
    items(
      ref: [String]
      status: [String!]
      first: Int
      last: Int
      before: String
      after: String
    ): FulfilmentItemConnection
    articles(
      ref: [String]
      type: [String!]
      status: [String]
      first: Int
      last: Int
      before: String
      after: String
    ): ArticleConnection
  }

  type LocationLink {
    ref: String
  }

  type FulfilmentItemConnection {
    edges: [FulfilmentItemEdge]
    pageInfo: PageInfo
  }

  type FulfilmentItemEdge {
    node: FulfilmentItem
    cursor: String
  }

  type FulfilmentItem {
    id: ID!
    ref: String
    status: String!
    requestedQuantity: Int
    filledQuantity: Int!
    rejectedQuantity: Int!
    fulfilment: Fulfilment
    orderItem: OrderItem
  }

  type ArticleConnection {
    edges: [ArticleEdge]
    pageInfo: PageInfo
  }

  type ArticleEdge {
    node: Article
    cursor: String
  }

  type Article implements Node & Orchestrateable {
    id: ID!
    ref: String
    type: String!
    status: String
    workflowRef: String!
    workflowVersion: Int!
    createdOn: DateTime
    updatedOn: DateTime
    attributes: [Attribute]
    description: String
    height: Float!
    length: Float!
    name: String
    weight: Float!
    width: Float!
    quantity: Int
    fulfilments(first: Int, last: Int, before: String, after: String): FulfilmentConnection
    consignmentArticles(first: Int, last: Int, before: String, after: String): ConsignmentArticleConnection
  }

  type ConsignmentArticleConnection {
    edges: [ConsignmentArticleEdge]
    pageInfo: PageInfo
  }

  type ConsignmentArticleEdge {
    node: ConsignmentArticle
    cursor: String
  }

  type ConsignmentArticle {
    article: Article
    consignment: Consignment
  }

  type ConsignmentConnection {
    edges: [ConsignmentEdge]
    pageInfo: PageInfo
  }

  type ConsignmentEdge {
    node: Consignment
    cursor: String
  }

  type Consignment implements Node {
    id: ID!
    ref: String
    status: String
    consignmentReference: String!
    trackingLabel: String
    labelUrl: String
    orderSummaryUrl: String
    consignmentArticles(first: Int, last: Int, before: String, after: String): ConsignmentArticleConnection
    carrier: Carrier
    retailer: Retailer
    workflowRef: String!
    workflowVersion: Int!
    createdOn: DateTime
    updatedOn: DateTime
  }

  type Carrier implements Referenceable {
    id: ID!
    name: String!
    type: String!
    ref: String!
    status: String
  }

  input UpdateFulfilmentInput {
    id: ID!
    status: String
    attributes: [AttributeInput]
    deliveryType: String
    type: String
    eta: String
    expiryTime: DateTime
    items: [UpdateFulfilmentItemWithFulfilmentInput]
  }

  input UpdateFulfilmentItemWithFulfilmentInput {
    id: ID!
    status: String
    requestedQuantity: Int
    filledQuantity: Int
    rejectedQuantity: Int
  }

  input UpdateConsignmentInput {
    id: ID!
    status: String
    consignmentReference: String
    trackingLabel: String
    labelUrl: String
    orderSummaryUrl: String
  }
`;
