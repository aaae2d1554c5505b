export { CallMetrics, type CallOutcome, type LastCall } from './call-metrics.js';
export * from './circuit-breakers.js';
export * from './graphql-endpoint.js';
export type { TokenRequest } from './oauth-token.js';
export * from './outage-error.js';
export { classOfStatus, failureError } from './upstream-failure.js';
export type { FailureClass, UpstreamFailure, UpstreamProblem, UpstreamSubject } from './upstream-failure.js';
export { UpstreamHttp } from './upstream-http.js';
export * from './upstream.module.js';
