import { Global, Module } from '@nestjs/common';
import { ApolloCommercetoolsClient } from './apollo-commercetools-client.js';
import { CommercetoolsClient } from './commercetools-client.js';
import { ConfiguredOrderLookup } from './configured-order-lookup.js';
import { MutationOrderUpdate } from './mutation-order-update.js';
import { OrderLookup } from './order-lookup.js';
import { OrderUpdate } from './order-update.js';

/** The commercetools API, and the two things that the connector does with an order there. */
@Global()
@Module({
  providers: [
    ApolloCommercetoolsClient,
    { provide: CommercetoolsClient, useExisting: ApolloCommercetoolsClient },
    ConfiguredOrderLookup,
    { provide: OrderLookup, useExisting: ConfiguredOrderLookup },
    MutationOrderUpdate,
    { provide: OrderUpdate, useExisting: MutationOrderUpdate },
  ],
  exports: [
    ApolloCommercetoolsClient,
    CommercetoolsClient,
    ConfiguredOrderLookup,
    OrderLookup,
    MutationOrderUpdate,
    OrderUpdate,
  ],
})
export class CommercetoolsModule {}
