// A partner's application whose queue needs no Redis, on the build.
import { builtPackage } from './built-package.mjs';

const { ConnectorModule, MemoryMessageQueue, MessageQueue } = await builtPackage('index.js');

export default ConnectorModule.register({
  overrides: [{ provide: MessageQueue, useClass: MemoryMessageQueue }],
});
