import { Global, Module } from '@nestjs/common';
import { FluentEvents } from './fluent-events.js';

/** Events into Fluent's workflows. */
@Global()
@Module({ providers: [FluentEvents], exports: [FluentEvents] })
export class FluentEventsModule {}
