import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { Injectable } from '@nestjs/common';
import { createRemoteJWKSet, customFetch, errors, jwtVerify, type JWTPayload } from 'jose';
import { ConnectorConfig, type CommercetoolsMessagesConfig } from '../config/index.js';
import { LimitedLog } from '../http/index.js';
import { UpstreamHttp } from '../transport/index.js';

/** Carries `COMMERCETOOLS_MESSAGES_SECRET`. */
export const SECRET_HEADER = 'x-connector-secret';

const CLOCK_TOLERANCE_SECONDS = 30;
/** The push service itself waits about as long for a response. */
const KEY_SET_TIMEOUT_MS = 5000;
/** A token with an unknown key triggers a new fetch of the key set, at most once in this time. */
const KEY_SET_COOLDOWN_MS = 30_000;
/** After a failed fetch, no token triggers another one for this time. */
const KEY_SET_RETRY_MS = 5000;
/** How long a withdrawn key is still accepted. */
const KEY_SET_MAX_AGE_MS = 600_000;

/** The claims that {@link MessageSenderVerifier} requires, for log lines. */
const CHECKED_CLAIMS: readonly unknown[] = ['iss', 'aud', 'exp', 'nbf', 'iat'];

type KeySet = ReturnType<typeof createRemoteJWKSet>;
type Oidc = NonNullable<CommercetoolsMessagesConfig['oidc']>;

/** The key set cannot be fetched, so no token can be verified; the sender must try again. */
export class KeySetUnavailableError extends Error {
  override readonly name = 'KeySetUnavailableError';
}

/** Verifies that a request comes from the configured push service. */
@Injectable()
export class MessageSenderVerifier {
  private readonly oidc?: Oidc;
  private readonly secretDigest?: Buffer;
  private readonly keySet?: KeySet;
  private retryKeySetAtMs = 0;

  constructor(
    { commercetoolsMessages }: ConnectorConfig,
    private readonly http: UpstreamHttp,
    private readonly log: LimitedLog,
  ) {
    const { oidc, secret } = commercetoolsMessages ?? {};
    if (secret !== undefined) this.secretDigest = digest(secret);
    if (oidc === undefined) return;
    this.oidc = oidc;
    this.keySet = createRemoteJWKSet(new URL(oidc.jwksUrl), {
      timeoutDuration: KEY_SET_TIMEOUT_MS,
      cooldownDuration: KEY_SET_COOLDOWN_MS,
      cacheMaxAge: KEY_SET_MAX_AGE_MS,
      [customFetch]: (url, { signal }) => this.fetchJwks(url, signal),
    });
  }

  /** Starts to fetch the key set, so that the first token does not have to wait for it. */
  fetchKeySet(): void {
    this.keySet?.reload().catch((error: unknown) => {
      const err = error instanceof Error ? error : new Error(String(error));
      this.log.write(
        'warn',
        { err },
        `cannot fetch the key set ${this.oidc?.jwksUrl}; messages are answered 503 until a retry succeeds`,
      );
    });
  }

  /**
   * @returns undefined when the sender is the configured one, else the reason, for the log only.
   * @throws KeySetUnavailableError within 5 s when the key set is needed and cannot be fetched.
   */
  async verify(headers: IncomingHttpHeaders): Promise<string | undefined> {
    const secret = headers[SECRET_HEADER];
    // A wrong secret fails, even when a valid token comes with it.
    if (this.secretDigest && secret !== undefined) {
      const isRight = typeof secret === 'string' && timingSafeEqual(digest(secret), this.secretDigest);
      return isRight ? undefined : `${SECRET_HEADER} is wrong`;
    }
    const token = /^bearer +([^\s,]+)$/i.exec(headers.authorization ?? '')?.[1];
    if (this.oidc && this.keySet && token !== undefined) {
      return this.verifyToken(token, this.oidc, this.keySet);
    }
    return `no ${[this.oidc && 'bearer token', this.secretDigest && SECRET_HEADER].filter(Boolean).join(' and no ')}`;
  }

  /** Every token with an unknown key asks for this while the key set cannot be fetched. */
  private async fetchJwks(url: string, signal: AbortSignal): Promise<Response> {
    if (Date.now() < this.retryKeySetAtMs) throw new Error('the last fetch failed a moment ago');
    try {
      // The shared client limits the size of the response and reuses connections.
      const answer = await this.http.fetch(url, { method: 'GET', signal });
      const text = await answer.text();
      if (answer.status !== 200) throw new Error(`the response has status ${answer.status}`);
      return new Response(text, { status: answer.status });
    } catch (error) {
      this.retryKeySetAtMs = Date.now() + KEY_SET_RETRY_MS;
      throw error;
    }
  }

  private async verifyToken(token: string, oidc: Oidc, keySet: KeySet): Promise<string | undefined> {
    try {
      const { payload } = await jwtVerify(token, keySet, {
        algorithms: ['RS256'],
        audience: oidc.audience,
        issuer: oidc.issuer,
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        requiredClaims: ['exp'],
      });
      return wrongAccount(payload, oidc);
    } catch (error) {
      if (isAboutToken(error)) return `the bearer token is refused: ${describeTokenError(error)}`;
      throw new KeySetUnavailableError(`the key set ${oidc.jwksUrl} cannot be used`, { cause: error });
    }
  }
}

/** An issuer signs tokens for all its tenants, so the token must belong to the configured sender. */
function wrongAccount(
  { email, email_verified: verified, sub }: JWTPayload,
  { serviceAccount, subject }: Oidc,
): string | undefined {
  if (serviceAccount === undefined && subject === undefined) {
    return 'neither COMMERCETOOLS_MESSAGES_SERVICE_ACCOUNT nor COMMERCETOOLS_MESSAGES_SUBJECT is set';
  }
  if (serviceAccount !== undefined && (email !== serviceAccount || verified !== true)) {
    return 'the bearer token does not belong to COMMERCETOOLS_MESSAGES_SERVICE_ACCOUNT';
  }
  if (subject !== undefined && sub !== subject) {
    return 'the bearer token does not belong to COMMERCETOOLS_MESSAGES_SUBJECT';
  }
  return undefined;
}

/** The messages of jose quote the token. Its codes and the names of checked claims are fixed texts. */
function describeTokenError(error: errors.JOSEError): string {
  const claim: unknown = 'claim' in error ? error.claim : undefined;
  return CHECKED_CLAIMS.includes(claim) ? `${error.code} (${String(claim)})` : error.code;
}

/** Every other error is about the key set: the network, its response, or an unusable key. */
function isAboutToken(error: unknown): error is errors.JOSEError {
  return (
    error instanceof errors.JOSEError &&
    error.code !== errors.JOSEError.code &&
    !(error instanceof errors.JWKSTimeout) &&
    !(error instanceof errors.JWKSInvalid)
  );
}

/** Gives both sides of the constant-time comparison the same length. */
function digest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
