import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Agent, type Dispatcher } from 'undici';
import { ConnectorConfig } from '../config/index.js';
import { onAbort } from '../on-abort.js';
import { USER_AGENT } from './user-agent.js';

/** A hundred orders with large attributes are much smaller. Longer answers fail. */
const MAX_RESPONSE_BYTES = 16 * 1024 * 1024;
/** For each host. It exceeds any useful `QUEUE_CONCURRENCY`. Further calls wait, and the wait counts for their time-out. */
const MAX_CONNECTIONS = 256;

/** Without the mark of the byte order, which JSON does not allow. */
const UTF_8 = new TextDecoder();

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
 * undici's `dispatch`: the standard `fetch` costs about 300 µs more CPU per call, which is more than
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
  readonly fetch = (url: string, call: HttpCall): Promise<HttpAnswer> =>
    new Promise((resolve, reject) => {
      const { signal } = call;
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const { origin, pathname, search } = new URL(url);
      const reader = new AnswerReader(
        (answer) => {
          stop();
          resolve(answer);
        },
        (error) => {
          stop();
          reject(error);
        },
      );
      const timer = setTimeout(() => reader.abort(new CallTimeoutError(this.timeoutMs)), this.timeoutMs);
      const stopListening = signal && onAbort(signal, () => reader.abort(signal.reason as Error));
      const stop = (): void => {
        clearTimeout(timer);
        stopListening?.();
      };
      this.agent.dispatch(
        {
          origin,
          path: pathname + search,
          method: call.method === 'GET' ? 'GET' : 'POST',
          headers: { 'user-agent': USER_AGENT, ...call.headers },
          body: call.body,
        },
        reader,
      );
    });

  /** Nest calls this after running work has ended, so open calls can be closed. */
  async onApplicationShutdown(): Promise<void> {
    await this.agent.destroy();
  }
}

/** Reads the answer to one request as a whole. undici's `request` would make a stream of each body. */
class AnswerReader implements Dispatcher.DispatchHandler {
  private controller?: Dispatcher.DispatchController;
  private aborted?: Error;
  private status = 0;
  private headers: Dispatcher.ResponseData['headers'] = {};
  private readonly chunks: Buffer[] = [];

  constructor(
    private readonly resolve: (answer: HttpAnswer) => void,
    private readonly reject: (error: Error) => void,
  ) {}

  /** A request that waits for a connection ends when it gets one. */
  abort(reason: Error): void {
    this.aborted = reason;
    this.controller?.abort(reason);
    this.reject(reason);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.aborted) controller.abort(this.aborted);
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Dispatcher.ResponseData['headers'],
  ): void {
    this.status = status;
    this.headers = headers;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.chunks.push(chunk);
  }

  onResponseEnd(): void {
    const { status, headers, chunks } = this;
    const [only = Buffer.alloc(0)] = chunks;
    const text = UTF_8.decode(chunks.length > 1 ? Buffer.concat(chunks) : only);
    this.resolve({
      status,
      headers: {
        get: (name) => {
          const value = headers[name.toLowerCase()];
          return (Array.isArray(value) ? value[0] : value) ?? null;
        },
      },
      text: () => Promise.resolve(text),
    });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.reject(error);
  }
}
