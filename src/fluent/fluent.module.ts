import { Global, Module } from '@nestjs/common';
import { ApolloFluentClient } from './apollo-fluent-client.js';
import { FluentClient } from './fluent-client.js';
import { FluentEndpoints } from './fluent-endpoints.js';
import { FluentGraphql } from './fluent-graphql.js';

/** The Fluent API. */
@Global()
@Module({
  providers: [
    FluentEndpoints,
    FluentGraphql,
    ApolloFluentClient,
    { provide: FluentClient, useExisting: ApolloFluentClient },
  ],
  exports: [FluentEndpoints, FluentGraphql, ApolloFluentClient, FluentClient],
})
export class FluentModule {}
