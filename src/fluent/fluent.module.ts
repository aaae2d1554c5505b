import { Global, Module } from '@nestjs/common';
import { ApolloFluentClient } from './apollo-fluent-client.js';
import { FluentClient } from './fluent-client.js';
import { FluentEndpoints } from './fluent-endpoints.js';

/** The Fluent API. */
@Global()
@Module({
  providers: [
    FluentEndpoints,
    ApolloFluentClient,
    { provide: FluentClient, useExisting: ApolloFluentClient },
  ],
  exports: [FluentEndpoints, ApolloFluentClient, FluentClient],
})
export class FluentModule {}
