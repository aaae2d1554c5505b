export * from './connector-logger.js';
export * from './logger-options.js';
export * from './logging.module.js';
export { PinoLogger } from 'nestjs-pino';
