import { type Context, ROOT_CONTEXT, context as contexts, propagation } from '@opentelemetry/api';

/** A place in a trace as text (`traceparent`, `tracestate`), to be kept with a notification. */
export type TraceCarrier = Readonly<Record<string, string>>;

/** @returns where the caller is in its trace; undefined when nothing is traced. */
export function currentTrace(): TraceCarrier | undefined {
  const carrier: Record<string, string> = {};
  propagation.inject(contexts.active(), carrier);
  // Baggage is for services that take part; here it would keep what somebody else put in for days.
  delete carrier['baggage'];
  return Object.keys(carrier).length > 0 ? carrier : undefined;
}

/** @param carrier headers of a request, or what {@link currentTrace} gave. @returns the place that it tells. */
export function traceOf(carrier: Readonly<Record<string, unknown>> | undefined): Context {
  return carrier ? propagation.extract(ROOT_CONTEXT, carrier) : ROOT_CONTEXT;
}
