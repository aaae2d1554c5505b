export * from './order-stories.js';
export * from './order-story.module.js';
