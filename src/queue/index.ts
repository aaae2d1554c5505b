export * from './message-queue.js';
