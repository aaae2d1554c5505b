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

/** Pure: what a failed call means. */
export type Classify = (
  failure: UpstreamFailure,
  subject: UpstreamSubject,
  operation: string,
) => ConnectorError;

/** The call was answered, and the answer is a failure. */
export class AnsweredFailure extends Error {
  constructor(readonly failure: UpstreamFailure) {
    super('answered with a failure');
  }
}

type Outcome<T> = { result: T } | { failure: UpstreamFailure; error: ConnectorError };

/**
 * What every call to one account or project goes through, whatever it speaks: circuit breaker, then token,
 * then the call itself; measured, and its failure classified.
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
   * A refused token is replaced, and the call repeated, once.
   *
   * @param operation for metrics and messages
   * @param isWrite whether the call writes; reads and writes have a circuit each
   * @param subject what the call is about, for the circuit breaker: the same text for the same thing
   * @throws CircuitOpenError without a call, what `classify` makes of a failure, or the signal's reason
   */
  async run<T>(
    operation: string,
    send: (token: string) => Promise<T>,
    { signal, subject = '', isWrite = false }: { signal?: AbortSignal; subject?: string; isWrite?: boolean },
  ): Promise<T> {
    signal?.throwIfAborted();
    // One signal may end all running work, which is more than the ten listeners at which Node suspects a leak.
    if (signal) setMaxListeners(0, signal);
    const options = { signal, operation, isWrite, subject };
    return this.breakers.execute(this.target, () => this.authorized(operation, send, signal), options);
  }

  /** @throws CircuitOpenError when a call would not be let through now. */
  throwIfCircuitOpen(): void {
    this.breakers.throwIfOpen(this.target);
  }

  private async authorized<T>(
    operation: string,
    send: (token: string) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const token = await this.token.get(signal);
    let outcome = await this.measured(operation, token, send, signal);
    if ('failure' in outcome && isUnauthorized(outcome.failure)) {
      this.token.drop(token);
      const renewed = await this.token.get(signal);
      outcome = await this.measured(operation, renewed, send, signal);
    }
    if ('failure' in outcome) throw outcome.error;
    return outcome.result;
  }

  private async measured<T>(
    operation: string,
    token: string,
    send: (token: string) => Promise<T>,
    signal: AbortSignal | undefined,
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
        const subject = { ...this.subject, credentials: [token, ...this.subject.credentials] };
        const error = this.classify(failure, subject, operation);
        ended(isUnauthorized(failure) ? 'unauthorized' : outcomeOf(error));
        return { failure, error };
      }
    });
  }
}
