import type { LoggerOptions } from 'pino';
import type { LoggingConfig } from '../config/index.js';
import { traceOfLogLine } from '../tracing/index.js';

/** Fields that never belong into a log line, whoever logs the object that has them. */
const SECRET_FIELDS = [
  'authorization',
  'password',
  'clientSecret',
  'client_secret',
  'token',
  'accessToken',
  'access_token',
  'refresh_token',
  'adminToken',
  'secret',
  'redisUrl',
];

/**
 * Secrets are kept out of log lines where they are written; the redaction is the second line of defence
 * for objects that somebody logs as a whole (a request, an error with its options).
 */
export function loggerOptions({ level }: LoggingConfig): LoggerOptions {
  return {
    level,
    base: undefined,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    mixin: traceOfLogLine,
    formatters: { level: (label) => ({ level: label }) },
    redact: {
      paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]),
      censor: '[redacted]',
    },
  };
}
