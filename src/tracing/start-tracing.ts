import { tracingOptions, type Tracing } from './tracing-options.js';

/**
 * Starts tracing for the process when the OpenTelemetry variables ask for it. The SDK is loaded only then.
 *
 * @param warn is called when spans could not be sent, at most once a minute.
 * @returns undefined when tracing is off, or when another tracer is already registered in this process.
 */
export async function startTracing(
  environment: Readonly<Record<string, string | undefined>>,
  warn: (message: string) => void,
): Promise<Tracing | undefined> {
  const options = tracingOptions(environment);
  if (!options) return undefined;
  const { startSdk } = await import('./sdk.js');
  return startSdk(options, warn);
}
