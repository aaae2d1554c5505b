import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Agent, request } from 'undici';
import { ConnectorConfig } from '../config/index.js';
import { USER_AGENT } from './user-agent.js';

/** A hundred orders with large attributes stay well below; an endless answer is cut off here. */
const MAX_RESPONSE_BYTES = 16 * 1024 * 1024;
/** Per host. Above any sensible `QUEUE_CONCURRENCY`; further calls wait, and their time-out runs. */
const MAX_CONNECTIONS = 256;

/** A call was not answered completely within `HTTP_CLIENT_TIMEOUT`. */
export class CallTimeoutError extends Error {
  override readonly name = 'CallTimeoutError';

  constructor(readonly timeoutMs: number) {
    super(`no complete answer within ${timeoutMs} ms`);
  }
}

/** What a call needs of the Fetch API's options. */
export interface HttpCall {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal | null;
}

/** What a caller needs of the Fetch API's `Response`; the body has been read already. */
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
   * @throws CallTimeoutError when the answer was not complete in time, also when it trickles in
   * @throws the reason of the call's signal when that ended it, else undici's network error
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

  /** Running work has ended by then, so that a call still open belongs to nobody. */
  async onApplicationShutdown(): Promise<void> {
    await this.agent.destroy();
  }
}
