import {
  type Attributes,
  type Context,
  INVALID_SPAN_CONTEXT,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  context as contexts,
  propagation,
  trace,
} from '@opentelemetry/api';

export { SpanKind, type Span };

const TRACER = 'fluent-commercetools-connector';
const NO_SPAN = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);

/** @returns undefined until `startTracing`, or a host application, registers a tracer for the process. */
function registeredTracer(): Tracer | undefined {
  const provider = trace.getTracerProvider();
  return provider instanceof ProxyTracerProvider
    ? provider.getDelegateTracer(TRACER)
    : provider.getTracer(TRACER);
}

/** The start of a span. Values are bounded and contain no personal data. */
export interface SpanDescription {
  /** Server, client, producer or consumer of messages. Internal by default. */
  readonly kind?: SpanKind;
  readonly attributes?: Attributes;
  /** Default: the span in which `inSpan` is called. */
  readonly parent?: Context;
  /** Whether a thrown error marks the span as failed. Default: every error does. */
  readonly isFailure?: (error: unknown) => boolean;
}

/**
 * Runs `work` in a span, which is active for everything that `work` calls. A failed span carries only the error's code
 * or name, because messages name orders and hosts. The log has the message. While nobody traces, it only runs `work`.
 */
export function inSpan<T>(
  name: string,
  { kind = SpanKind.INTERNAL, attributes, parent = contexts.active(), isFailure }: SpanDescription,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  const tracer = registeredTracer();
  if (!tracer) return work(NO_SPAN);
  return tracer.startActiveSpan(name, { kind, attributes }, parent, async (span) => {
    try {
      return await work(span);
    } catch (error) {
      if (isFailure?.(error) ?? true) markFailed(span, error);
      throw error;
    } finally {
      span.end();
    }
  });
}

/**
 * Marks a span as failed although nothing is thrown.
 *
 * @param error the error, or a word for its kind from a bounded set.
 */
export function markFailed(span: Span, error: unknown): void {
  if (!span.isRecording()) return;
  span.setStatus({ code: SpanStatusCode.ERROR });
  span.setAttribute('error.type', typeOf(error));
}

/** Adds an attribute to the active span, if there is one. */
export function annotateSpan(attribute: string, value: string | number): void {
  trace.getActiveSpan()?.setAttribute(attribute, value);
}

/** @returns whether anybody traces. Without, spans and their attributes need not be made. */
export function isTracing(): boolean {
  return registeredTracer() !== undefined;
}

/** @returns what runs work in the trace in which this is called now. */
export function inPresentTrace(): <T>(work: () => T) => T {
  if (!isTracing()) return untraced;
  const present = contexts.active();
  return (work) => contexts.with(present, work);
}

function untraced<T>(work: () => T): T {
  return work();
}

/** @returns the fields that link a log line to its trace. */
export function traceOfLogLine(): { trace_id?: string; span_id?: string } {
  const spanContext = trace.getActiveSpan()?.spanContext();
  return spanContext ? { trace_id: spanContext.traceId, span_id: spanContext.spanId } : {};
}

function typeOf(error: unknown): string {
  if (typeof error === 'string') return error;
  if (!(error instanceof Error)) return 'Error';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

/** A position in a trace as text (`traceparent`, `tracestate`), which is stored with a notification. */
export type TraceCarrier = Readonly<Record<string, string>>;

/** @returns the caller's position in its trace, or undefined when it is not traced. */
export function currentTrace(): TraceCarrier | undefined {
  const carrier: Record<string, string> = {};
  propagation.inject(contexts.active(), carrier);
  // Another service may put personal data into the baggage, and Redis would keep it for days.
  delete carrier['baggage'];
  return Object.keys(carrier).length > 0 ? carrier : undefined;
}

/** @returns the position in a trace. @param carrier the headers of a request, or the result of {@link currentTrace}. */
export function traceOf(carrier: Readonly<Record<string, unknown>> | undefined): Context {
  return carrier ? propagation.extract(ROOT_CONTEXT, carrier) : ROOT_CONTEXT;
}
