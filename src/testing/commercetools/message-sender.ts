import { type KeyPairKeyObjectResult, generateKeyPairSync, randomUUID } from 'node:crypto';
import { type JWK, SignJWT, exportJWK } from 'jose';
import { type DeliveryOutcome, type DeliveryRetry, RepeatedDelivery } from '../http/repeated-delivery.js';
import { SeededRandom } from '../seeded-random.js';

/** A message as the emulator makes it. */
export type EmulatedMessage = Readonly<Record<string, unknown>> & { readonly id: string };

/** Which messages are sent, and how. */
export interface MessageOptions {
  /**
   * The types of messages about orders that the subscription asks for; `['OrderStateChanged']` by default, and all with
   * an empty list. The mutation `createSubscription` replaces them.
   */
  types?: readonly string[];
  /** Sent as `x-connector-secret` instead of a bearer token. */
  secret?: string;
  /** What the tokens are for (`aud`); `fluent-commercetools-connector` by default. */
  audience?: string;
  /** Whose the tokens are (`email`); `push@emulator.iam.gserviceaccount.com` by default. */
  serviceAccount?: string;
  /** Whether messages come in the envelope of a Pub/Sub push, as they do by default, or bare. */
  envelope?: boolean;
  /** Whether messages name who caused the change; true by default. Not every message does. */
  initiators?: boolean;
  /** Fraction of messages that are delivered twice, from 0 to 1. 0 by default. */
  duplicates?: number;
  /** The source of chances. By default, every sender has the same chances. */
  random?: SeededRandom;
  /** What happens to a message that is not accepted. */
  retry?: Partial<DeliveryRetry>;
}

const KEY_ID = 'emulator';
const TOKEN_LIFETIME_SECONDS = 3600;
/** Push services send everything again that was not answered with success, for days. */
const DEFAULT_RETRY: DeliveryRetry = {
  delaysMs: [100, 200, 400, 800, 1600, 3200, 6400],
  timeoutMs: 10_000,
  worthRetrying: () => true,
};

let keys: KeyPairKeyObjectResult | undefined;

/** One pair for the process: making one takes up to seconds, and tests start many emulators. */
function keyPair(): KeyPairKeyObjectResult {
  return (keys ??= generateKeyPairSync('rsa', { modulusLength: 2048 }));
}

/**
 * The subscription of a project and the push service behind it: delivers messages until they are accepted,
 * with a signed token. All push services of a process sign with the same key.
 */
export class MessageSender {
  /** Where messages go; undefined: they are not sent. */
  url?: string;
  /** Off: changes send nothing. */
  enabled = true;
  /** The types of messages about orders that are sent; an empty list means all. */
  types: readonly string[];
  readonly audience: string;
  readonly serviceAccount: string;
  readonly secret?: string;

  readonly #issuer: () => string;
  readonly #options: MessageOptions;
  readonly #delivery: RepeatedDelivery;
  readonly #random: SeededRandom;
  readonly #sending = new Set<Promise<DeliveryOutcome>>();

  constructor(issuer: () => string, options: MessageOptions = {}, url?: string) {
    this.url = url;
    this.audience = options.audience ?? 'fluent-commercetools-connector';
    this.serviceAccount = options.serviceAccount ?? 'push@emulator.iam.gserviceaccount.com';
    this.secret = options.secret;
    this.types = options.types ?? ['OrderStateChanged'];
    this.#issuer = issuer;
    this.#options = options;
    this.#delivery = new RepeatedDelivery({ ...DEFAULT_RETRY, ...options.retry });
    this.#random = options.random ?? new SeededRandom();
  }

  /** Messages by what finally became of them; `attempts` counts the requests. */
  get counts(): RepeatedDelivery['counts'] {
    return this.#delivery.counts;
  }

  get namesInitiators(): boolean {
    return this.#options.initiators ?? true;
  }

  /** @returns whether a message of that type would be sent now. */
  isSubscribedTo(type: string): boolean {
    return this.url !== undefined && this.enabled && (this.types.length === 0 || this.types.includes(type));
  }

  /** Sends a message, without waiting, when there is a receiver and the switch is on. */
  publish(message: EmulatedMessage): void {
    if (this.url === undefined || !this.enabled) return;
    const times = this.#random.chance(this.#options.duplicates ?? 0) ? 2 : 1;
    for (let time = 0; time < times; time += 1) {
      const sending = this.send(message);
      this.#sending.add(sending);
      void sending.finally(() => this.#sending.delete(sending));
    }
  }

  /**
   * Sends one message until it is accepted or every attempt is used up.
   *
   * @throws Error when no URL is set.
   */
  async send(message: EmulatedMessage): Promise<DeliveryOutcome> {
    const { url } = this;
    if (url === undefined) throw new Error('commercetools emulator: messagesUrl is not set');
    return this.#delivery.send(url, JSON.stringify(this.#wrap(message)), await this.#authorization());
  }

  /** Resolves with what became of the messages that are under way. */
  async settled(): Promise<readonly DeliveryOutcome[]> {
    return Promise.all(this.#sending);
  }

  /** @returns a token as the push service sends it, valid for an hour. @param claims replace or extend its own. */
  async token(claims: Readonly<Record<string, unknown>> = {}): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const { audience: aud, serviceAccount: email } = this;
    const own = { iss: this.#issuer(), aud, sub: '1', email, email_verified: true };
    return new SignJWT({ ...own, iat: now, exp: now + TOKEN_LIFETIME_SECONDS, ...claims })
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: KEY_ID })
      .sign(keyPair().privateKey);
  }

  /** The key set that the tokens are signed with. */
  async keySet(): Promise<{ keys: JWK[] }> {
    const key = await exportJWK(keyPair().publicKey);
    return { keys: [{ ...key, kid: KEY_ID, alg: 'RS256', use: 'sig' }] };
  }

  /** Ends waiting retries and the connections. */
  async close(): Promise<void> {
    await this.#delivery.close();
  }

  #wrap(message: EmulatedMessage): object {
    if (this.#options.envelope === false) return message;
    return {
      message: {
        data: Buffer.from(JSON.stringify(message)).toString('base64'),
        messageId: randomUUID(),
        publishTime: new Date().toISOString(),
      },
      subscription: 'projects/emulator/subscriptions/connector',
    };
  }

  async #authorization(): Promise<Record<string, string>> {
    if (this.secret !== undefined) return { 'x-connector-secret': this.secret };
    return { authorization: `Bearer ${await this.token()}` };
  }
}
