export { SECRET_HEADER } from './message-sender-verifier.js';
export * from './messages.module.js';
