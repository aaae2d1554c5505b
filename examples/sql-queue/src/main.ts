import { bootstrapConnector } from 'fluent-commercetools-connector';
import { AppModule } from './app.module.js';

await bootstrapConnector(AppModule);
