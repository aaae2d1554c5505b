import { Global, Module } from '@nestjs/common';
import { ApolloFluentClient } from './apollo-fluent-client.js';
import { FluentClient } from './fluent-client.js';

/** The Fluent API. */
@Global()
@Module({
  providers: [ApolloFluentClient, { provide: FluentClient, useExisting: ApolloFluentClient }],
  exports: [ApolloFluentClient, FluentClient],
})
export class FluentModule {}
