import type { AuthorizedCalls } from './authorized-calls.js';
import { AnsweredFailure, readAnswer } from './upstream-failure.js';
import type { UpstreamHttp } from './upstream-http.js';

/** One REST call. */
export interface RestCall {
  /** The name in metrics and messages. It must not contain ids. */
  readonly operation: string;
  readonly method: 'GET' | 'POST';
  /** The path below the endpoint's URL. It begins with a slash, and its variable parts are encoded. */
  readonly path: string;
  readonly query?: URLSearchParams;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Statuses other than 2xx that are not failures, e.g. 404 for a look-up. */
  readonly alsoAnswers?: readonly number[];
  readonly signal?: AbortSignal;
}

export interface RestAnswer {
  readonly status: number;
  /** The parsed body, or the text if it is not JSON. Undefined when it is empty. */
  readonly body: unknown;
}

/** A REST API of an account. It shares token, circuit breaker, time-out, errors and metrics with its GraphQL API. */
export class RestEndpoint {
  constructor(
    /** Without a trailing slash. */
    private readonly url: string,
    private readonly calls: AuthorizedCalls,
    private readonly http: UpstreamHttp,
  ) {}

  /**
   * @throws CircuitOpenError without a call, the classified error of a failure, or the signal's reason.
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
      // A proxy's page can have any status.
      if (!isAnswer || text.trimStart().startsWith('<')) {
        throw new AnsweredFailure(readAnswer(status, text, response.headers.get('retry-after')));
      }
      return { status, body: parse(text) };
    };
    return this.calls.run(operation, send, {
      signal,
      subject: url + (body ?? ''),
      isWrite: method === 'POST',
      sent: call.body,
    });
  }
}

function parse(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    // Not every call has a published response, so text is accepted here.
    return text;
  }
}
