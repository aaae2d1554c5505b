import { Global, Module } from '@nestjs/common';
import { TransportModule } from '../transport/index.js';
import { GraphqlEndpoints } from './graphql-endpoint.js';

/** GraphQL over the shared transport, for both clients. */
@Global()
@Module({ imports: [TransportModule], providers: [GraphqlEndpoints], exports: [GraphqlEndpoints] })
export class GraphqlModule {}
