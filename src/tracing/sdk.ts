import { DiagLogLevel, context, diag, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace-base';
import { PACKAGE_NAME, PACKAGE_VERSION } from '../package-info.js';
import type { Tracing, TracingOptions } from './tracing-options.js';

/** A collector that is away must not hold up the end of the process. */
const STOP_TIMEOUT_MS = 3000;
const WARN_EVERY_MS = 60_000;

/**
 * Registers OpenTelemetry's tracer for the process. This file is imported only when tracing is on.
 *
 * @returns undefined when another tracer is registered: its owner decides where spans go.
 */
export async function startSdk(
  options: TracingOptions,
  warn: (message: string) => void,
): Promise<Tracing | undefined> {
  diag.setLogger(diagnostics(warn), { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  const provider = new BasicTracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': PACKAGE_NAME, 'service.version': PACKAGE_VERSION }))
      // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win.
      .merge(detectResources({ detectors: [envDetector] })),
    // Drops spans when more than OTEL_BSP_MAX_QUEUE_SIZE wait to be sent.
    spanProcessors: [new BatchSpanProcessor(await openExporter(options))],
  });
  if (!trace.setGlobalTracerProvider(provider)) {
    await provider.shutdown();
    return undefined;
  }
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  // Without baggage: it may contain data of callers that the connector must not store or forward.
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  return {
    stop: async () => {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, STOP_TIMEOUT_MS);
      });
      const stopped = provider
        .shutdown()
        .catch((error: unknown) => warn(`traces were not sent: ${String(error)}`));
      await Promise.race([stopped, late]);
      clearTimeout(timer);
    },
  };
}

async function openExporter({ protocol }: TracingOptions): Promise<SpanExporter> {
  const { OTLPTraceExporter } =
    protocol === 'http/json'
      ? await import('@opentelemetry/exporter-trace-otlp-http')
      : await import('@opentelemetry/exporter-trace-otlp-proto');
  return new OTLPTraceExporter();
}

/** A collector that is away makes the SDK complain at every batch. */
function diagnostics(warn: (message: string) => void): Parameters<typeof diag.setLogger>[0] {
  let lastWarning = -WARN_EVERY_MS;
  const tell = (message: string): void => {
    const now = performance.now();
    if (now - lastWarning < WARN_EVERY_MS) return;
    lastWarning = now;
    warn(`OpenTelemetry: ${message.slice(0, 300)}`);
  };
  const ignore = (): void => undefined;
  return { error: tell, warn: tell, info: ignore, debug: ignore, verbose: ignore };
}
