export { SECRET_HEADER } from './message-sender-verifier.js';
export * from './message-router.js';
export * from './messages.module.js';
