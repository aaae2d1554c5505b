import { tracingOptions, type Tracing } from './tracing-options.js';

/**
 * Starts tracing for the process when the OpenTelemetry variables ask for it. The SDK is loaded only then.
 *
 * @param warn is told when spans could not be sent; it is called at most once a minute.
 * @returns undefined when tracing is off, or somebody else in this process has registered a tracer.
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
