export * from './order-stories.js';
export * from './order-story.module.js';
export { storyKeyOf, unfinishedEntry } from './story-entries.js';
