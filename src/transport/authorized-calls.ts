import { setMaxListeners } from 'node:events';
import { ConnectorError, TransientError } from '../errors.js';
import { type CallMetrics, type CallOutcome, outcomeOf } from './call-metrics.js';
import type { CircuitBreakers } from './circuit-breakers.js';
import type { OAuthToken } from './oauth-token.js';
import { OutageError, ServerFaultError } from './outage-error.js';
import {
  AnsweredFailure,
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

/** Options of one call. */
export interface CallOptions {
  readonly signal?: AbortSignal;
  /** What the call is about, for the circuit breaker. Calls about the same thing have the same subject. */
  readonly subject?: string;
  /** Whether the call writes. Reads and writes have separate circuits. */
  readonly isWrite?: boolean;
  /** The variables or the body, which no error may quote. */
  readonly sent?: unknown;
}

interface OutcomeOption<T> {
  /** How a call that was answered ended, for its metric. Default: ok. */
  readonly outcome?: (result: T) => CallOutcome;
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
   * @throws CircuitOpenError without a call, the error from `classify`, or the signal's reason.
   */
  async run<T>(
    operation: string,
    send: (token: string) => Promise<T>,
    { signal, subject = '', isWrite = false, sent, outcome }: CallOptions & OutcomeOption<T> = {},
  ): Promise<T> {
    signal?.throwIfAborted();
    // One signal may have a listener for each running call, and Node reports more than ten as a leak.
    if (signal) setMaxListeners(0, signal);
    const options = { signal, operation, isWrite, subject };
    return await this.breakers.execute(
      this.target,
      () => this.authorized(operation, send, { signal, sent, outcome }),
      options,
    );
  }

  /**
   * Runs several operations in one call, which counts once for metrics and circuit breaker.
   *
   * @param send returns the result or the failure of each operation. When all of them have failed, and the target or the
   * token is to blame, the call has failed.
   * @returns the result of each operation, or its classified error.
   * @throws as {@link run}, when the call has failed as a whole.
   */
  runTogether<T extends object>(
    operation: string,
    send: (token: string) => Promise<readonly (T | AnsweredFailure)[]>,
    options: CallOptions,
  ): Promise<readonly (T | ConnectorError)[]> {
    const outcome = (results: readonly (T | ConnectorError)[]): CallOutcome => {
      const failed = results.find((result) => result instanceof ConnectorError);
      return failed ? outcomeOf(failed) : 'ok';
    };
    const sendAll = async (token: string): Promise<readonly (T | ConnectorError)[]> => {
      const answers = await send(token);
      const failures = answers.filter((answer) => answer instanceof AnsweredFailure);
      if (failures.length === 0) return answers as readonly T[];
      const subject = this.subjectOf(token, options.sent);
      const results = answers.map((answer) =>
        answer instanceof AnsweredFailure ? this.classify(answer.failure, subject, operation) : answer,
      );
      if (failures.length === answers.length && results.every(blamesTarget)) throw failures[0];
      // The target answered, so the wait of an operation that failed counts as its retry age.
      for (const result of results) if (result instanceof TransientError) result.upstreamAnsweredMsAgo = 0;
      return results;
    };
    return this.run(operation, sendAll, { ...options, outcome });
  }

  /** @returns whether calls are let through without a probe. */
  isCircuitClosed(isWrite: boolean): boolean {
    return this.breakers.isClosed(this.target, isWrite);
  }

  /** @throws CircuitOpenError when the circuit would reject a call now. */
  throwIfCircuitOpen(): void {
    this.breakers.throwIfOpen(this.target);
  }

  /** The subject of messages, with all that none of them may show. */
  private subjectOf(token: string, sent: unknown): UpstreamSubject {
    return { ...this.subject, credentials: [token, ...this.subject.credentials], sent };
  }

  private async authorized<T>(
    operation: string,
    send: (token: string) => Promise<T>,
    options: CallOptions & OutcomeOption<T>,
  ): Promise<T> {
    const { signal } = options;
    const token = await this.token.get(signal);
    let outcome = await this.measured(operation, token, send, options);
    if ('failure' in outcome && isUnauthorized(outcome.failure)) {
      this.token.drop(token);
      const renewed = await this.token.get(signal);
      outcome = await this.measured(operation, renewed, send, options);
    }
    if ('failure' in outcome) throw outcome.error;
    return outcome.result;
  }

  private measured<T>(
    operation: string,
    token: string,
    send: (token: string) => Promise<T>,
    { signal, sent, outcome = () => 'ok' }: CallOptions & OutcomeOption<T>,
  ): Promise<Outcome<T>> {
    return this.metrics.measure(this.target, operation, async (ended) => {
      try {
        const result = await send(token);
        ended(outcome(result));
        return { result };
      } catch (cause) {
        if (signal?.aborted) {
          ended('aborted');
          throw signal.reason;
        }
        const failure = readFailure(cause);
        const error = this.classify(failure, this.subjectOf(token, sent), operation);
        ended(isUnauthorized(failure) ? 'unauthorized' : outcomeOf(error));
        return { failure, error };
      }
    });
  }
}

/** Whether the target failed, and not only one operation. */
function blamesTarget(error: unknown): boolean {
  return error instanceof OutageError || error instanceof ServerFaultError;
}
