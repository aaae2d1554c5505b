import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Agent, request } from 'undici';

/** What finally became of one delivery. */
export interface DeliveryOutcome {
  /**
   * `accepted`: stored. `duplicate`: stored before. `ignored`: the receiver has no use for it. `failed`: not accepted after
   * every attempt.
   */
  readonly result: 'accepted' | 'duplicate' | 'ignored' | 'failed';
  /** The last HTTP status, or undefined when there was no answer. */
  readonly status?: number;
  /** How many requests were sent, the first included. */
  readonly attempts: number;
  /** Why the last attempt failed. */
  readonly reason?: string;
}

/** How often and when a delivery that was not accepted is repeated. */
export interface DeliveryRetry {
  /** Pauses before the second, third, … attempt, in milliseconds. */
  readonly delaysMs: readonly number[];
  /** How long one attempt may take, milliseconds. */
  readonly timeoutMs: number;
  /** Whether an answer is worth another attempt; `undefined` means that there was none. */
  readonly worthRetrying: (status: number | undefined) => boolean;
}

/** Posts JSON over kept connections until it is accepted, and counts what became of it. */
export class RepeatedDelivery {
  /** Deliveries by what finally became of them; `attempts` counts the requests. */
  readonly counts = { accepted: 0, duplicate: 0, ignored: 0, failed: 0, attempts: 0 };

  readonly #retry: DeliveryRetry;
  #closing = closing();
  #agent?: Agent;

  constructor(retry: DeliveryRetry) {
    this.#retry = retry;
  }

  /**
   * Sends one body until it is accepted or every attempt is used up; each attempt carries the same bytes.
   * Never rejects because of the receiver.
   */
  async send(url: string, body: string, headers: Readonly<Record<string, string>>): Promise<DeliveryOutcome> {
    const { signal } = this.#closing;
    for (let attempts = 1; ; attempts += 1) {
      const attempt = await this.#attempt(url, body, { 'content-type': 'application/json', ...headers });
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
    this.#closing = closing();
    const agent = this.#agent;
    this.#agent = undefined;
    await agent?.close();
  }

  async #attempt(
    url: string,
    body: string,
    headers: Record<string, string>,
  ): Promise<{ result?: Exclude<DeliveryOutcome['result'], 'failed'>; status?: number; reason?: string }> {
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

/** Every delivery that waits listens to the signal: more than the ten of which Node warns. */
function closing(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
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
