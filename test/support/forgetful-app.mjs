// A partner's application in plain JavaScript, on the build.
import { builtPackage } from './built-package.mjs';

const { bootstrapConnector, ConnectorModule, NotificationHandler } = await builtPackage('index.js');

class Forgetful {
  async handle() {
    void Promise.reject(new Error('nobody waits for me'));
  }
}
NotificationHandler('forgetful')(Forgetful);

class Reckless {
  async handle() {
    setImmediate(() => {
      throw new Error('thrown into nothing');
    });
  }
}
NotificationHandler('reckless')(Reckless);

await bootstrapConnector(ConnectorModule.register({ handlers: [Forgetful, Reckless] }));
