// A partner's application that sends what is known about a customer to both systems.
import { Logger } from '@nestjs/common';
import {
  bootstrapConnector,
  CommercetoolsClient,
  ConnectorModule,
  FluentGraphql,
  gql,
} from '../../dist/index.js';
import { NotificationHandler } from '../../dist/index.js';

const CUSTOMER = JSON.parse(process.env.CUSTOMER);

const CREATE = gql`
  mutation CreateCustomer($input: CreateCustomerInput) {
    createCustomer(input: $input) {
      id
    }
  }
`;
const UPDATE = gql`
  mutation UpdateCustomer($id: String!, $actions: [OrderUpdateAction!]!) {
    updateOrder(id: $id, version: 1, actions: $actions) {
      id
    }
  }
`;

class ToFluent {
  constructor(fluent) {
    this.fluent = fluent;
  }

  handle(_notification, { account }) {
    return this.fluent.mutate(CREATE, { input: CUSTOMER }, { accountId: account.id });
  }
}
Reflect.defineMetadata('design:paramtypes', [FluentGraphql], ToFluent);
NotificationHandler('customer.fluent')(ToFluent);

class ToCommercetools {
  constructor(commercetools) {
    this.commercetools = commercetools;
  }

  handle({ entityId }, { scope }) {
    const value = JSON.stringify(CUSTOMER);
    const actions = [{ setCustomField: { name: 'customer', value } }];
    return this.commercetools.mutate(scope.project.key, UPDATE, { id: entityId, actions });
  }
}
Reflect.defineMetadata('design:paramtypes', [CommercetoolsClient], ToCommercetools);
NotificationHandler('customer.commercetools')(ToCommercetools);

/** A library's error, with everything that the library attaches to it. */
class WithLibrary {
  async handle() {
    new Logger('Crm').log('asking the CRM');
    const message = `POST https://crm.example failed for ${CUSTOMER.email}`;
    throw Object.assign(new Error(message), { config: { data: CUSTOMER }, response: { body: CUSTOMER } });
  }
}
NotificationHandler('customer.library')(WithLibrary);

await bootstrapConnector(ConnectorModule.register({ handlers: [ToFluent, ToCommercetools, WithLibrary] }));
