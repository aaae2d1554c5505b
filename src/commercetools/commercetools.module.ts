import { Global, Module } from '@nestjs/common';
import { ApolloCommercetoolsClient } from './apollo-commercetools-client.js';
import { CommercetoolsClient } from './commercetools-client.js';
import { CommercetoolsOrders } from './commercetools-orders.js';
import { ConfiguredOrderLookup } from './configured-order-lookup.js';
import { MutationOrderUpdate } from './mutation-order-update.js';
import { ConfiguredOrderReferenceResolver } from './configured-order-reference-resolver.js';
import { OrderLookup } from './order-lookup.js';
import { OrderReferenceResolver } from './order-reference-resolver.js';
import { OrderUpdate } from './order-update.js';

/** The commercetools API, and what the connector does with an order there. */
@Global()
@Module({
  providers: [
    ApolloCommercetoolsClient,
    { provide: CommercetoolsClient, useExisting: ApolloCommercetoolsClient },
    ConfiguredOrderLookup,
    { provide: OrderLookup, useExisting: ConfiguredOrderLookup },
    ConfiguredOrderReferenceResolver,
    { provide: OrderReferenceResolver, useExisting: ConfiguredOrderReferenceResolver },
    MutationOrderUpdate,
    { provide: OrderUpdate, useExisting: MutationOrderUpdate },
    CommercetoolsOrders,
  ],
  exports: [
    ApolloCommercetoolsClient,
    CommercetoolsClient,
    ConfiguredOrderLookup,
    OrderLookup,
    ConfiguredOrderReferenceResolver,
    OrderReferenceResolver,
    MutationOrderUpdate,
    OrderUpdate,
    CommercetoolsOrders,
  ],
})
export class CommercetoolsModule {}
