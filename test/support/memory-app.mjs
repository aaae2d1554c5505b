// A partner's application whose queue needs no Redis, on the build.
import { ConnectorModule, MemoryMessageQueue, MessageQueue } from '../../dist/index.js';

export default ConnectorModule.register({
  overrides: [{ provide: MessageQueue, useClass: MemoryMessageQueue }],
});
