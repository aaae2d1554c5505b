import { Injectable } from '@nestjs/common';
import { ConfigurationError, PermanentError, TransientError } from 'fluent-commercetools-connector';

/** One message to a customer; the provider has the texts. */
export interface CustomerMessage {
  /** The same for each try: the provider sends one message for one id. */
  readonly id: string;
  readonly channel: 'email' | 'sms';
  readonly to: string;
  readonly template: string;
  readonly data: Readonly<Record<string, string>>;
}

/** Sends emails and text messages. */
export abstract class MessageProvider {
  /** @throws TransientError, PermanentError or ConfigurationError; none of them tells the recipient. */
  abstract send(message: CustomerMessage, signal: AbortSignal): Promise<void>;
}

const TIMEOUT_MS = 10_000;

/** A provider with an HTTP API, as most of them have it: a bearer key and an `Idempotency-Key`. */
@Injectable()
export class HttpMessageProvider extends MessageProvider {
  private readonly url = required('MESSAGE_PROVIDER_URL');
  private readonly key = required('MESSAGE_PROVIDER_KEY');

  override async send({ id, ...message }: CustomerMessage, signal: AbortSignal): Promise<void> {
    const answer = await fetch(this.url, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${this.key}`,
        'content-type': 'application/json',
        'idempotency-key': id,
      },
      body: JSON.stringify(message),
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    }).catch((error: unknown) => {
      throw new TransientError('the message provider did not answer', { cause: error });
    });
    // Frees the connection. The text may repeat the message, so that it is not for the log.
    await answer.body?.cancel();
    if (!answer.ok) throw refusal(answer);
  }
}

function refusal({ status, headers }: Response): Error {
  const what = `the message provider answered HTTP ${status}`;
  if (status === 401 || status === 403) return new ConfigurationError(`${what}; check MESSAGE_PROVIDER_KEY`);
  if (status === 404) return new ConfigurationError(`${what}; check MESSAGE_PROVIDER_URL`);
  if (status !== 408 && status !== 429 && status < 500) return new PermanentError(what);
  const seconds = Number(headers.get('retry-after') ?? Number.NaN);
  return new TransientError(what, Number.isFinite(seconds) ? { retryAfterMs: seconds * 1000 } : {});
}

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new ConfigurationError(`${name} is required`);
  return value;
}
