import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Agent, request } from 'undici';
import { ConnectorConfig } from '../config/index.js';
import { USER_AGENT } from './user-agent.js';

/** A hundred orders with large attributes are much smaller. Longer answers fail. */
const MAX_RESPONSE_BYTES = 16 * 1024 * 1024;
/** For each host. It exceeds any useful `QUEUE_CONCURRENCY`. Further calls wait, and the wait counts for their time-out. */
const MAX_CONNECTIONS = 256;

/** A call was not answered completely within `HTTP_CLIENT_TIMEOUT`. */
export class CallTimeoutError extends Error {
  override readonly name = 'CallTimeoutError';

  constructor(readonly timeoutMs: number) {
    super(`no complete answer within ${timeoutMs} ms`);
  }
}

/** The options of the Fetch API that calls use. */
export interface HttpCall {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal | null;
}

/** The members of the Fetch API's `Response` that callers use. The body has been read already. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  text(): Promise<string>;
}

/**
 * HTTP to all upstreams: one pool of kept-alive connections, and one time-out for each whole call.
 *
 * `fetch` has the shape of the Fetch API as far as Apollo's link and the token calls use it, but runs on
 * undici's `request`: the standard `fetch` costs about 300 µs more CPU per call, which is more than
 * everything else that a call does.
 */
@Injectable()
export class UpstreamHttp implements OnApplicationShutdown {
  private readonly agent: Agent;
  private readonly timeoutMs: number;

  constructor(config: ConnectorConfig) {
    this.timeoutMs = config.httpClientTimeoutMs;
    this.agent = new Agent({
      connections: MAX_CONNECTIONS,
      connect: { timeout: this.timeoutMs },
      headersTimeout: this.timeoutMs,
      bodyTimeout: this.timeoutMs,
      maxResponseSize: MAX_RESPONSE_BYTES,
    });
  }

  /**
   * Redirects are not followed: they would carry tokens to another host.
   *
   * @throws CallTimeoutError when the answer is not complete in time.
   * @throws the reason of the call's signal when it is aborted, or undici's network error.
   */
  readonly fetch = async (url: string, call: HttpCall): Promise<HttpAnswer> => {
    const { signal } = call;
    signal?.throwIfAborted();
    const ended = new AbortController();
    const onAbort = () => ended.abort(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    const timer = setTimeout(() => ended.abort(new CallTimeoutError(this.timeoutMs)), this.timeoutMs);
    try {
      const { statusCode, headers, body } = await request(url, {
        dispatcher: this.agent,
        method: call.method === 'GET' ? 'GET' : 'POST',
        headers: { 'user-agent': USER_AGENT, ...call.headers },
        body: call.body,
        signal: ended.signal,
      });
      const text = await body.text();
      return {
        status: statusCode,
        headers: {
          get: (name) => {
            const value = headers[name.toLowerCase()];
            return (Array.isArray(value) ? value[0] : value) ?? null;
          },
        },
        text: () => Promise.resolve(text),
      };
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    }
  };

  /** Nest calls this after running work has ended, so open calls can be closed. */
  async onApplicationShutdown(): Promise<void> {
    await this.agent.destroy();
  }
}
