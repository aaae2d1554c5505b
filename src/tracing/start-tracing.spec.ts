import { describe, expect, it } from 'vitest';
import { ConfigurationError } from '../errors.js';
import { startTracing } from './start-tracing.js';
import { tracingOptions } from './tracing-options.js';

const endpoint = 'http://collector:4318';

describe('tracingOptions', () => {
  it.each<[string, Record<string, string>, ReturnType<typeof tracingOptions>]>([
    ['nothing is set', {}, undefined],
    ['only the service is named', { OTEL_SERVICE_NAME: 'x' }, undefined],
    ['an endpoint is set', { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }, { protocol: 'http/protobuf' }],
    [
      'an endpoint for traces is set',
      { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${endpoint}/v1/traces` },
      { protocol: 'http/protobuf' },
    ],
    ['the exporter is set', { OTEL_TRACES_EXPORTER: 'otlp' }, { protocol: 'http/protobuf' }],
    [
      'the exporter is none',
      { OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: endpoint },
      undefined,
    ],
    ['the SDK is disabled', { OTEL_SDK_DISABLED: 'True', OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }, undefined],
    [
      'another protocol is set',
      { OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' },
      { protocol: 'http/json' },
    ],
    [
      'the protocol of traces is set',
      {
        OTEL_TRACES_EXPORTER: 'otlp',
        OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
        OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json',
      },
      { protocol: 'http/json' },
    ],
  ])('decides from the standard variables: %s', (_case, environment, expected) => {
    expect(tracingOptions(environment)).toEqual(expected);
  });

  it.each([
    [{ OTEL_TRACES_EXPORTER: 'zipkin' }, /OTEL_TRACES_EXPORTER is zipkin; the connector has otlp/],
    [
      { OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
      /OTEL_EXPORTER_OTLP_PROTOCOL is grpc; .*http\/protobuf/,
    ],
  ])('refuses what it does not have, instead of tracing nowhere: %j', (environment, message) => {
    expect(() => tracingOptions(environment)).toThrow(ConfigurationError);
    expect(() => tracingOptions(environment)).toThrow(message);
  });

  it('starts nothing while tracing is off', async () => {
    expect(await startTracing({}, () => undefined)).toBeUndefined();
  });
});
