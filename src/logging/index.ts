export * from './connector-logger.js';
export { inLogContext, type LogContext } from './log-context.js';
export { withLazyLogger } from './lazy-logger.js';
export * from './logger-options.js';
export * from './logging.module.js';
export { PinoLogger } from 'nestjs-pino';
