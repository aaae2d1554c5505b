import { type KeyObject, createPrivateKey } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { signWebhook } from '../webhook-signature.js';

/** What finally became of one webhook. */
export interface WebhookOutcome {
  /** `failed`: not accepted after every attempt. */
  readonly result: 'accepted' | 'duplicate' | 'ignored' | 'failed';
  /** The last HTTP status, or undefined when there was no answer. */
  readonly status?: number;
  readonly attempts: number;
  /** Why the last attempt failed. */
  readonly reason?: string;
}

/** How often and when a webhook that was not accepted is sent again. */
export interface WebhookRetry {
  /** Pauses before the second, third, … attempt, in milliseconds. */
  readonly delaysMs: readonly number[];
  /** How long one attempt may take, milliseconds. */
  readonly timeoutMs: number;
  /** Whether an answer is worth another attempt; `undefined` means that there was none. */
  readonly worthRetrying: (status: number | undefined) => boolean;
}

/** The two schedules that are known of Fluent: its default, and the one a retailer can select. */
export const FLUENT_RETRY_DELAYS_MS = {
  default: [0, 2_000, 4_000, 8_000],
  exponential: [0, 60_000, 3_600_000, 86_400_000],
} as const;

const DEFAULT_RETRY: WebhookRetry = {
  delaysMs: FLUENT_RETRY_DELAYS_MS.default,
  timeoutMs: 5_000,
  // Which answers Fluent retries is not published; a wrong request is assumed to stay wrong.
  worthRetrying: (status) => status === undefined || status === 429 || status >= 500,
};

/** Signs notifications and delivers them over kept connections. */
export class WebhookSender {
  /** Webhooks by what finally became of them; `attempts` counts the requests. */
  readonly counts = { accepted: 0, duplicate: 0, ignored: 0, failed: 0, attempts: 0 };

  readonly #retry: WebhookRetry;
  readonly #privateKeyPem: () => string;
  #closing = new AbortController();
  #agent?: Agent;
  #privateKey?: KeyObject;

  constructor(
    privateKeyPem: () => string,
    public url?: string,
    retry: Partial<WebhookRetry> = {},
  ) {
    this.#privateKeyPem = privateKeyPem;
    this.#retry = { ...DEFAULT_RETRY, ...retry };
    // Every webhook that waits for its next attempt listens.
    setMaxListeners(0, this.#closing.signal);
  }

  /**
   * Sends one notification until it is accepted or every attempt is used up; each attempt carries the
   * same bytes. Never rejects because of the receiver.
   *
   * @throws Error when no URL is set.
   */
  async send(notification: object): Promise<WebhookOutcome> {
    const { url } = this;
    if (url === undefined) throw new Error('Fluent emulator: webhookUrl is not set');
    this.#privateKey ??= createPrivateKey(this.#privateKeyPem());
    const { signal } = this.#closing;
    const body = JSON.stringify(notification);
    const headers = { 'content-type': 'application/json', ...signWebhook(body, this.#privateKey) };
    for (let attempts = 1; ; attempts += 1) {
      const attempt = await this.#attempt(url, body, headers);
      if (attempt.result !== undefined) {
        this.counts[attempt.result] += 1;
        return { result: attempt.result, status: attempt.status, attempts };
      }
      const pause = this.#retry.delaysMs[attempts - 1];
      if (pause === undefined || signal.aborted || !this.#retry.worthRetrying(attempt.status)) {
        this.counts.failed += 1;
        return { result: 'failed', status: attempt.status, attempts, reason: attempt.reason };
      }
      await pauseUnlessAborted(pause, signal);
    }
  }

  /** Ends waiting retries and the connections; a later `send` opens new ones. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#closing = new AbortController();
    const agent = this.#agent;
    this.#agent = undefined;
    await agent?.close();
  }

  async #attempt(
    url: string,
    body: string,
    headers: Record<string, string>,
  ): Promise<{ result?: Exclude<WebhookOutcome['result'], 'failed'>; status?: number; reason?: string }> {
    this.counts.attempts += 1;
    const { timeoutMs } = this.#retry;
    this.#agent ??= new Agent({ connections: 64, connectTimeout: timeoutMs });
    try {
      const response = await request(url, {
        method: 'POST',
        body,
        headers,
        dispatcher: this.#agent,
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
      });
      const text = await response.body.text();
      const status = response.statusCode;
      return status === 200 ? { status, result: readResult(text) } : { status, reason: text.slice(0, 500) };
    } catch (error) {
      return { reason: error instanceof Error ? `${error.name}: ${error.message}` : String(error) };
    }
  }
}

async function pauseUnlessAborted(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Any 200 counts as accepted; the receiver may say which kind. */
function readResult(text: string): 'accepted' | 'duplicate' | 'ignored' {
  try {
    const { status } = JSON.parse(text) as { status?: unknown };
    return status === 'duplicate' || status === 'ignored' ? status : 'accepted';
  } catch {
    return 'accepted';
  }
}
