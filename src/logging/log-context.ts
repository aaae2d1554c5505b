import { AsyncLocalStorage } from 'node:async_hooks';
import { type Logger, symbols } from 'pino';

/** What every line says that is logged while a handler runs. */
export interface LogContext {
  readonly notificationId: string;
  readonly accountId: string;
}

const contexts = new AsyncLocalStorage<LogContext>();

/** Runs `work`. Every line that it logs, with any logger, names the notification. */
export function inLogContext<T>(context: LogContext, work: () => T): T {
  return contexts.run(context, work);
}

/** @returns the fields of the context, for a line of a logger that does not have them itself. */
export function contextOfLogLine(logger: Logger): Partial<LogContext> {
  const context = contexts.getStore();
  if (!context) return {};
  const { [symbols.chindingsSym as never]: bindings } = logger as unknown as Record<symbol, string>;
  return String(bindings).includes('"notificationId"') ? {} : { ...context };
}
