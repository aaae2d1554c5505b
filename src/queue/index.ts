export * from './bull/bull-message-queue.js';
export * from './message-queue.js';
export * from './queue.module.js';
