/** What a project has beside orders: stores, types of custom fields, and subscriptions. */
export const PROJECT_SDL = /* GraphQL */ `
  extend type Query {
    store(id: String, key: String): Store
    stores(where: String, limit: Int, offset: Int): StoreQueryResult!
    typeDefinition(id: String, key: String): TypeDefinition
    typeDefinitions(where: String, limit: Int, offset: Int): TypeDefinitionQueryResult!
  }

  extend type Mutation {
    createSubscription(draft: SubscriptionDraft!): CommercetoolsSubscription
  }

  extend type Order {
    storeRef: KeyReference
    store: Store
  }

  extend type CustomFieldsType {
    type: TypeDefinition
  }

  type KeyReference {
    typeId: String!
    key: String!
  }

  type Store implements Versioned & ReferenceExpandable {
    id: String!
    version: Long!
    createdAt: DateTime!
    lastModifiedAt: DateTime!
    key: String!
    name(locale: Locale): String
    nameAllLocales: [LocalizedString!]
    languages: [Locale!]
    countries: [StoreCountry!]
    custom: CustomFieldsType
  }

  type StoreCountry {
    code: Country!
  }

  type StoreQueryResult {
    offset: Int!
    count: Int!
    total: Long!
    exists: Boolean!
    results: [Store!]!
  }

  type TypeDefinition implements Versioned & ReferenceExpandable {
    id: String!
    version: Long!
    createdAt: DateTime!
    lastModifiedAt: DateTime!
    key: String!
    name(locale: Locale): String
    nameAllLocales: [LocalizedString!]!
    resourceTypeIds: [String!]!
    fieldDefinitions(includeNames: [String!], excludeNames: [String!]): [FieldDefinition!]!
  }

  type TypeDefinitionQueryResult {
    offset: Int!
    count: Int!
    total: Long!
    exists: Boolean!
    results: [TypeDefinition!]!
  }

  type FieldDefinition {
    name: String!
    required: Boolean!
    type: FieldType!
  }

  interface FieldType {
    name: String!
  }

  type StringType implements FieldType {
    name: String!
  }

  type BooleanType implements FieldType {
    name: String!
  }

  type NumberType implements FieldType {
    name: String!
  }

  type DateTimeType implements FieldType {
    name: String!
  }

  extend input OrderUpdateAction {
    setStore: SetOrderStore
  }

  input SetOrderStore {
    store: ResourceIdentifierInput
  }

  input SubscriptionDraft {
    key: String
    destination: DestinationInput!
    messages: [MessageSubscriptionInput!]
  }

  input DestinationInput {
    GoogleCloudPubSub: GoogleCloudPubSubDestinationInput
  }

  input GoogleCloudPubSubDestinationInput {
    projectId: String!
    topic: String!
  }

  input MessageSubscriptionInput {
    resourceTypeId: String!
    types: [String!]
  }

  type CommercetoolsSubscription implements Versioned {
    id: String!
    version: Long!
    createdAt: DateTime!
    lastModifiedAt: DateTime!
    key: String
    messages: [MessageSubscription!]!
  }

  type MessageSubscription {
    resourceTypeId: String!
    types: [String!]!
  }
`;
