import { ConfigurationError } from '../errors.js';

/** Where spans are sent and how; everything else the SDK reads from its own variables. */
export interface TracingOptions {
  readonly protocol: 'http/protobuf' | 'http/json';
}

/** A tracer at work. */
export interface Tracing {
  /** Sends what is left, within a bounded time. */
  stop(): Promise<void>;
}

const PROTOCOLS = ['http/protobuf', 'http/json'] as const;

/**
 * Reads the standard OpenTelemetry variables.
 *
 * @returns undefined when tracing is off: no exporter and no endpoint is named, or it is switched off.
 * @throws ConfigurationError when an exporter or a protocol is asked for that the connector does not have.
 */
export function tracingOptions(
  environment: Readonly<Record<string, string | undefined>>,
): TracingOptions | undefined {
  const read = (name: string): string => environment[name]?.trim().toLowerCase() ?? '';
  if (read('OTEL_SDK_DISABLED') === 'true') return undefined;
  const exporter = read('OTEL_TRACES_EXPORTER');
  const isAddressed =
    read('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT') !== '' || read('OTEL_EXPORTER_OTLP_ENDPOINT') !== '';
  if (exporter === 'none' || (exporter === '' && !isAddressed)) return undefined;
  if (exporter !== '' && exporter !== 'otlp') {
    throw new ConfigurationError(
      `OTEL_TRACES_EXPORTER is ${exporter}; the connector has otlp (or none, to switch tracing off)`,
    );
  }
  const asked =
    read('OTEL_EXPORTER_OTLP_TRACES_PROTOCOL') || read('OTEL_EXPORTER_OTLP_PROTOCOL') || 'http/protobuf';
  const protocol = PROTOCOLS.find((known) => known === asked);
  if (!protocol) {
    throw new ConfigurationError(
      `OTEL_EXPORTER_OTLP_PROTOCOL is ${asked}; the connector has ${PROTOCOLS.join(' and ')}, ` +
        'which collectors usually take on port 4318',
    );
  }
  return { protocol };
}
