/** Line items of an order. */
export const LINE_ITEM_SDL = /* GraphQL */ `
  scalar Locale
  scalar Country

  extend type Order {
    lineItems(id: String): [LineItem!]!
  }

  type LineItem {
    id: String!
    key: String
    productId: String!
    productKey: String
    name(locale: Locale): String
    nameAllLocales: [LocalizedString!]!
    variant: ProductVariant
    price: ProductPrice!
    totalPrice: Money
    quantity: Long!
    custom: CustomFieldsType
  }

  type ProductVariant {
    id: Int!
    key: String
    sku: String
  }

  type ProductPrice {
    id: String
    value: BaseMoney!
    country: Country
  }

  type LocalizedString {
    locale: Locale!
    value: String!
  }

  extend input OrderUpdateAction {
    setLineItemCustomField: SetOrderLineItemCustomField
    setLineItemCustomType: SetOrderLineItemCustomType
  }

  input SetOrderLineItemCustomField {
    lineItemId: String
    lineItemKey: String
    name: String!
    value: String
  }

  input SetOrderLineItemCustomType {
    lineItemId: String
    lineItemKey: String
    fields: [CustomFieldInput!]
    type: ResourceIdentifierInput
    typeKey: String
    typeId: String
  }
`;
