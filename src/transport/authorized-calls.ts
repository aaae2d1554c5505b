import { setMaxListeners } from 'node:events';
import type { ConnectorError } from '../errors.js';
import { type CallMetrics, outcomeOf } from './call-metrics.js';
import type { CircuitBreakers } from './circuit-breakers.js';
import type { OAuthToken } from './oauth-token.js';
import {
  type UpstreamFailure,
  type UpstreamSubject,
  isUnauthorized,
  readFailure,
} from './upstream-failure.js';

/** Pure: classifies a failed call. */
export type Classify = (
  failure: UpstreamFailure,
  subject: UpstreamSubject,
  operation: string,
) => ConnectorError;

/** The target answered with a failure. */
export class AnsweredFailure extends Error {
  constructor(readonly failure: UpstreamFailure) {
    super('answered with a failure');
  }
}

type Outcome<T> = { result: T } | { failure: UpstreamFailure; error: ConnectorError };

/**
 * Runs the GraphQL and REST calls to one account or project: circuit breaker first, then token, then the call. It measures
 * each call and classifies its failure.
 */
export class AuthorizedCalls {
  constructor(
    readonly target: string,
    private readonly subject: UpstreamSubject,
    private readonly classify: Classify,
    private readonly token: OAuthToken,
    private readonly breakers: CircuitBreakers,
    private readonly metrics: CallMetrics,
  ) {}

  /**
   * If the token is refused, the call is repeated once with a new one.
   *
   * @param operation the name in metrics and messages.
   * @param isWrite whether the call writes. Reads and writes have separate circuits.
   * @param subject what the call is about, for the circuit breaker. Calls about the same thing have the same subject.
   * @param sent the variables or the body, which no error may quote.
   * @throws CircuitOpenError without a call, the error from `classify`, or the signal's reason.
   */
  async run<T>(
    operation: string,
    send: (token: string) => Promise<T>,
    {
      signal,
      subject = '',
      isWrite = false,
      sent,
    }: { signal?: AbortSignal; subject?: string; isWrite?: boolean; sent?: unknown },
  ): Promise<T> {
    signal?.throwIfAborted();
    // One signal may have a listener for each running call, and Node reports more than ten as a leak.
    if (signal) setMaxListeners(0, signal);
    const options = { signal, operation, isWrite, subject };
    return this.breakers.execute(this.target, () => this.authorized(operation, send, signal, sent), options);
  }

  /** @throws CircuitOpenError when the circuit would reject a call now. */
  throwIfCircuitOpen(): void {
    this.breakers.throwIfOpen(this.target);
  }

  private async authorized<T>(
    operation: string,
    send: (token: string) => Promise<T>,
    signal: AbortSignal | undefined,
    sent: unknown,
  ): Promise<T> {
    const token = await this.token.get(signal);
    let outcome = await this.measured(operation, token, send, signal, sent);
    if ('failure' in outcome && isUnauthorized(outcome.failure)) {
      this.token.drop(token);
      const renewed = await this.token.get(signal);
      outcome = await this.measured(operation, renewed, send, signal, sent);
    }
    if ('failure' in outcome) throw outcome.error;
    return outcome.result;
  }

  private async measured<T>(
    operation: string,
    token: string,
    send: (token: string) => Promise<T>,
    signal: AbortSignal | undefined,
    sent: unknown,
  ): Promise<Outcome<T>> {
    return this.metrics.measure(this.target, operation, async (ended) => {
      try {
        const result = await send(token);
        ended('ok');
        return { result };
      } catch (cause) {
        if (signal?.aborted) {
          ended('aborted');
          throw signal.reason;
        }
        const failure = cause instanceof AnsweredFailure ? cause.failure : readFailure(cause);
        const subject = { ...this.subject, credentials: [token, ...this.subject.credentials], sent };
        const error = this.classify(failure, subject, operation);
        ended(isUnauthorized(failure) ? 'unauthorized' : outcomeOf(error));
        return { failure, error };
      }
    });
  }
}
