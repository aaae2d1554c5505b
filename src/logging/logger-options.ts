import { type LoggerOptions, stdSerializers } from 'pino';
import type { LoggingConfig } from '../config/index.js';
import { escapeControls, escapeControlsOfJson } from '../escape-controls.js';
import { withoutPersonalData } from '../personal-data.js';
import { traceOfLogLine } from '../tracing/index.js';
import { contextOfLogLine } from './log-context.js';

/** Fields that no log line may show. */
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
  'adminTokens',
  'secret',
  'redis',
  'redisUrl',
];

/**
 * The code that logs keeps secrets out of its log lines. This redaction is the second line of defence, for objects
 * that are logged as a whole: a request, an error with its options.
 */
export function loggerOptions({ level, format }: LoggingConfig): LoggerOptions {
  return {
    level,
    base: undefined,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    mixin: (_line, _level, logger) => ({ ...traceOfLogLine(), ...contextOfLogLine(logger) }),
    serializers: { err: shownError },
    formatters: { level: (label) => ({ level: label }) },
    // Text from outside must not forge lines or control a terminal.
    hooks: { streamWrite: format === 'pretty' ? escapeBeforePretty : escapeControlsOfJson },
    redact: {
      paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]),
      censor: '[redacted]',
    },
  };
}

/**
 * Libraries attach requests, variables and answers to their errors, so only these fields are logged. The texts of causes
 * are in `message` and `stack`.
 *
 * @param error an error, or what pino-http has already made of it.
 */
function shownError(error: unknown): object {
  const { type, message, stack, code } = (
    error instanceof Error ? stdSerializers.err(error) : Object(error)
  ) as Record<string, unknown>;
  const text = (value: unknown): string | undefined =>
    typeof value === 'string' ? withoutPersonalData(value) : undefined;
  return { type, message: text(message), stack: text(stack), code: text(code) };
}

/** pino-pretty decodes the line and prints its texts as they are, so they are escaped twice. */
function escapeBeforePretty(line: string): string {
  const escapeText = (key: string, value: unknown): unknown => {
    if (typeof value !== 'string') return value;
    // The lines of a stack are its format.
    return key === 'stack' ? value.split('\n').map(escapeControls).join('\n') : escapeControls(value);
  };
  return `${JSON.stringify(JSON.parse(line), escapeText)}\n`;
}
