import {
  type Attributes,
  type Context,
  type Span,
  SpanKind,
  SpanStatusCode,
  context as contexts,
  trace,
} from '@opentelemetry/api';

export { SpanKind, type Span };

/** Does nothing until somebody registers a tracer for the process: `startTracing`, or a host application. */
const tracer = trace.getTracer('fluent-commercetools-connector');

/** What a span is told when it begins. Values are bounded and hold no personal data. */
export interface SpanDescription {
  /** What the span is to the trace: a server, a client, a producer or consumer of messages. Internal by default. */
  readonly kind?: SpanKind;
  readonly attributes?: Attributes;
  /** The one in which `inSpan` is called by default. */
  readonly parent?: Context;
  /** Which thrown errors mark the span as failed; all by default. */
  readonly isFailure?: (error: unknown) => boolean;
}

/**
 * Runs `work` as a span; what it calls finds the span in its context. A failure is marked with the error's
 * code or name only: messages name orders and hosts, and are in the log.
 */
export async function inSpan<T>(
  name: string,
  { kind = SpanKind.INTERNAL, attributes, parent = contexts.active(), isFailure }: SpanDescription,
  work: (span: Span) => Promise<T>,
): Promise<T> {
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
 * @param error or a word for its kind, from a bounded set.
 */
export function markFailed(span: Span, error: unknown): void {
  if (!span.isRecording()) return;
  span.setStatus({ code: SpanStatusCode.ERROR });
  span.setAttribute('error.type', typeOf(error));
}

/** Tells the span that the caller runs in, if any, something that its beginner does not know. */
export function annotateSpan(attribute: string, value: string | number): void {
  trace.getActiveSpan()?.setAttribute(attribute, value);
}

/** @returns what a log line carries so that it is found from its trace, and the trace from it. */
export function traceOfLogLine(): { trace_id?: string; span_id?: string } {
  const spanContext = trace.getActiveSpan()?.spanContext();
  return spanContext ? { trace_id: spanContext.traceId, span_id: spanContext.spanId } : {};
}

function typeOf(error: unknown): string {
  if (typeof error === 'string') return error;
  if (!(error instanceof Error)) return 'Error';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
