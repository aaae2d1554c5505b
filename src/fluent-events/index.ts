export * from './check-event.js';
export * from './event-errors.js';
export { eventQuery, readEvents } from './event-log.js';
export type { FluentEventFilter, FluentEventRecord, FluentEventStatus } from './event-log.js';
export * from './events/index.js';
export * from './fluent-event.js';
export * from './fluent-events.js';
export * from './fluent-events.module.js';
