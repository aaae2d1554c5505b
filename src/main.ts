import { bootstrapConnector } from './bootstrap-connector.js';
import { ConnectorModule } from './connector.module.js';

await bootstrapConnector(ConnectorModule.register());
