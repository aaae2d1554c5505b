import { ConfigurationError, type ConnectorError } from '../errors.js';
import { onAbort } from '../on-abort.js';
import { type CallMetrics, outcomeOf } from './call-metrics.js';
import {
  type UpstreamFailure,
  type UpstreamSubject,
  classOfStatus,
  failureError,
  readAnswer,
  readFailure,
} from './upstream-failure.js';
import type { UpstreamHttp } from './upstream-http.js';

/** The request for a token. */
export interface TokenRequest {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly form: Readonly<Record<string, string>>;
}

interface Token {
  readonly value: string;
  /** Milliseconds since the epoch. */
  readonly refreshAt: number;
}

/** RFC 6749 makes `expires_in` optional. If the token expires earlier, the 401 makes the connector renew it. */
const ASSUMED_LIFE_SECONDS = 300;
/** A token is renewed at most this long before it expires, so that it does not expire during a call. */
const LONGEST_LEEWAY_MS = 60_000;
/** Refused credentials are not tried again for this time, because repeated tries could lock the account. */
const REFUSAL_MS = 5000;

/**
 * The access token of one account or project, shared by all concurrent work. It is requested once for all of them, renewed
 * before it expires, and dropped when the upstream refuses it.
 */
export class OAuthToken {
  private current?: Token;
  private pending?: Promise<string>;
  private refusal?: { readonly error: ConnectorError; readonly until: number };

  constructor(
    private readonly target: string,
    private readonly subject: UpstreamSubject,
    private readonly request: TokenRequest,
    private readonly http: UpstreamHttp,
    private readonly metrics: CallMetrics,
  ) {}

  /**
   * @param signal ends the wait of this caller. The shared request continues for the others.
   * @throws ConfigurationError when the credentials are refused, TransientError when a token is not available now.
   */
  async get(signal?: AbortSignal): Promise<string> {
    if (this.current && Date.now() < this.current.refreshAt) return this.current.value;
    if (this.refusal && Date.now() < this.refusal.until) throw this.refusal.error;
    this.pending ??= this.fetch().finally(() => (this.pending = undefined));
    return unlessAborted(this.pending, signal);
  }

  /** Drops a refused token, unless another caller has replaced it already. */
  drop(token: string): void {
    if (this.current?.value === token) this.current = undefined;
  }

  private async fetch(): Promise<string> {
    return this.metrics.measure(this.target, 'token', async (ended) => {
      const answer = await this.send();
      if ('token' in answer) {
        ended('ok');
        this.current = answer.token;
        this.refusal = undefined;
        return answer.token.value;
      }
      const error = classifyTokenFailure(answer, this.subject);
      ended(outcomeOf(error));
      if (error instanceof ConfigurationError) this.refusal = { error, until: Date.now() + REFUSAL_MS };
      throw error;
    });
  }

  private async send(): Promise<{ token: Token } | UpstreamFailure> {
    try {
      const response = await this.http.fetch(this.request.url, {
        method: 'POST',
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          accept: 'application/json',
          ...this.request.headers,
        },
        body: new URLSearchParams(this.request.form).toString(),
      });
      const body = await response.text();
      const token = response.status === 200 ? parseToken(body) : undefined;
      return token ? { token } : readAnswer(response.status, body, response.headers.get('retry-after'));
    } catch (error) {
      return readFailure(error);
    }
  }
}

/** Pure: classifies a failed request for a token. */
export function classifyTokenFailure(failure: UpstreamFailure, subject: UpstreamSubject): ConnectorError {
  const { status } = failure;
  // RFC 6749 answers refused credentials and scopes with 400 as well as with 401.
  if (status === 400 || status === 401) {
    return failureError('configuration', { ...failure, status: 401 }, subject, 'request for a token');
  }
  const failureClass = classOfStatus(failure);
  // A single notification never causes a token failure, so the failure must not make it a dead letter.
  return failureError(
    failureClass === 'permanent' ? 'configuration' : failureClass,
    failure,
    subject,
    'request for a token',
  );
}

function parseToken(body: string, now = Date.now()): Token | undefined {
  let grant: unknown;
  try {
    grant = JSON.parse(body);
  } catch {
    // A proxy's page. The caller reports it as an answer without a token.
    return undefined;
  }
  const { access_token: value, expires_in: expiresIn } = (grant ?? {}) as Record<string, unknown>;
  if (typeof value !== 'string' || value === '') return undefined;
  const lifeMs = 1000 * (Number(expiresIn ?? ASSUMED_LIFE_SECONDS) || 0);
  // The random part prevents replicas that started together from renewing together.
  const leewayMs = Math.min(0.2 * lifeMs, LONGEST_LEEWAY_MS) * (0.5 + 0.5 * Math.random());
  return { value, refreshAt: now + lifeMs - leewayMs };
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  signal.throwIfAborted();
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = onAbort(signal, () => reject(signal.reason as Error));
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    stop?.();
  }
}
