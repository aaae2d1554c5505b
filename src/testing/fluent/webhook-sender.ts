import { type KeyObject, createPrivateKey } from 'node:crypto';
import { type DeliveryOutcome, type DeliveryRetry, RepeatedDelivery } from '../http/repeated-delivery.js';
import { signWebhook } from '../webhook-signature.js';

/** What finally became of one webhook. */
export type WebhookOutcome = DeliveryOutcome;

/** How often and when a webhook that was not accepted is sent again. */
export type WebhookRetry = DeliveryRetry;

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
  readonly #delivery: RepeatedDelivery;
  readonly #privateKeyPem: () => string;
  #privateKey?: KeyObject;

  constructor(
    privateKeyPem: () => string,
    public url?: string,
    retry: Partial<WebhookRetry> = {},
  ) {
    this.#privateKeyPem = privateKeyPem;
    this.#delivery = new RepeatedDelivery({ ...DEFAULT_RETRY, ...retry });
  }

  /** Webhooks by what finally became of them; `attempts` counts the requests. */
  get counts(): RepeatedDelivery['counts'] {
    return this.#delivery.counts;
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
    const body = JSON.stringify(notification);
    return this.#delivery.send(url, body, { ...signWebhook(body, this.#privateKey) });
  }

  /** Ends waiting retries and the connections; a later `send` opens new ones. */
  async close(): Promise<void> {
    await this.#delivery.close();
  }
}
