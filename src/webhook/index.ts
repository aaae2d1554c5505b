export * from './rsa-signature-verifier.js';
export * from './signature-verifier.js';
export * from './webhook.module.js';
export { violationsOf } from './webhook.controller.js';
