export * from './bull/bull-message-queue.js';
export * from './delivery.module.js';
export * from './message-queue.js';
export * from './notification-intake.js';
export * from './queue.module.js';
