import { ROOT_CONTEXT, context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';
import { afterEach, describe, expect, it } from 'vitest';
import { currentTrace, traceOf } from './span.js';

const spanContext = {
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  spanId: '00f067aa0ba902b7',
  traceFlags: 1,
};
const traceparent = `00-${spanContext.traceId}-${spanContext.spanId}-01`;

afterEach(() => {
  context.disable();
  propagation.disable();
});

describe('the trace of a stored notification', () => {
  it('is undefined without a tracer', () => {
    expect(currentTrace()).toBeUndefined();
    expect(traceOf({ traceparent })).toBe(ROOT_CONTEXT);
    expect(traceOf(undefined)).toBe(ROOT_CONTEXT);
  });

  it("is the caller's position without its baggage, also with a host application's propagators", () => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    propagation.setGlobalPropagator(
      new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] }),
    );
    const baggage = propagation.createBaggage({ customer: { value: 'jane' } });
    const caller = propagation.setBaggage(trace.setSpanContext(ROOT_CONTEXT, spanContext), baggage);

    const carrier = context.with(caller, currentTrace);
    expect(carrier).toEqual({ traceparent });
    expect(trace.getSpanContext(traceOf(carrier))).toMatchObject(spanContext);
  });
});
