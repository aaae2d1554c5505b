import { AnsweredFailure, type AuthorizedCalls } from './authorized-calls.js';
import { readAnswer } from './upstream-failure.js';
import type { UpstreamHttp } from './upstream-http.js';

/** One REST call. */
export interface RestCall {
  /** Name for metrics and messages; never made of ids. */
  readonly operation: string;
  readonly method: 'GET' | 'POST';
  /** Below the endpoint's URL, beginning with a slash, its variable parts already encoded. */
  readonly path: string;
  readonly query?: URLSearchParams;
  /** Becomes JSON. */
  readonly body?: unknown;
  /** Statuses beside 2xx that answer the question instead of refusing it, e.g. 404 for a look-up. */
  readonly alsoAnswers?: readonly number[];
  readonly signal?: AbortSignal;
}

export interface RestAnswer {
  readonly status: number;
  /** The parsed body; undefined when it was empty, text when it was no JSON. */
  readonly body: unknown;
}

/** A REST API of an account, beside its GraphQL: the same token, circuit breaker, time-out, errors and metrics. */
export class RestEndpoint {
  constructor(
    /** Without a trailing slash. */
    private readonly url: string,
    private readonly calls: AuthorizedCalls,
    private readonly http: UpstreamHttp,
  ) {}

  /**
   * @throws CircuitOpenError without a call, what the endpoint's classification makes of a failure, or the
   * signal's reason
   */
  async call(call: RestCall): Promise<RestAnswer> {
    const { operation, method, path, query, alsoAnswers = [], signal } = call;
    const url = `${this.url}${path}${query?.size ? `?${query.toString()}` : ''}`;
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const send = async (token: string): Promise<RestAnswer> => {
      const headers = {
        authorization: `Bearer ${token}`,
        accept: 'application/json',
        ...(body !== undefined && { 'content-type': 'application/json' }),
      };
      const response = await this.http.fetch(url, { method, headers, body, signal });
      const text = await response.text();
      const { status } = response;
      const isAnswer = (status >= 200 && status < 300) || alsoAnswers.includes(status);
      // A page of something in between, whatever its status says.
      if (!isAnswer || text.trimStart().startsWith('<')) {
        throw new AnsweredFailure(readAnswer(status, text, response.headers.get('retry-after')));
      }
      return { status, body: parse(text) };
    };
    return this.calls.run(operation, send, {
      signal,
      subject: url + (body ?? ''),
      isWrite: method === 'POST',
    });
  }
}

function parse(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    // What a body holds is not published for every call, so text is no failure here.
    return text;
  }
}
