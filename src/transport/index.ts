export { AuthorizedCalls, type Classify } from './authorized-calls.js';
export { CallMetrics, type CallOutcome, type LastCall, type RefusedCall } from './call-metrics.js';
export * from './circuit-breakers.js';
export { OAuthToken, type TokenRequest } from './oauth-token.js';
export * from './outage-error.js';
export * from './rest-endpoint.js';
export * from './transport.module.js';
export {
  AnsweredFailure,
  answeredErrors,
  classOfStatus,
  failureError,
  isOutageStatus,
  isTooLarge,
  readFailure,
} from './upstream-failure.js';
export type { FailureClass, UpstreamFailure, UpstreamProblem, UpstreamSubject } from './upstream-failure.js';
export { UpstreamHttp } from './upstream-http.js';
