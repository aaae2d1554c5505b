import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { Injectable } from '@nestjs/common';
import {
  createRemoteJWKSet,
  customFetch,
  errors,
  jwtVerify,
  type JWTPayload,
  type JWTVerifyGetKey,
} from 'jose';
import { ConnectorConfig, type CommercetoolsMessagesConfig } from '../config/index.js';
import { UpstreamHttp } from '../transport/index.js';

/** Carries `COMMERCETOOLS_MESSAGES_SECRET`. */
export const SECRET_HEADER = 'x-connector-secret';

const CLOCK_TOLERANCE_SECONDS = 30;
/** The push service waits no longer than that either. */
const KEY_SET_TIMEOUT_MS = 5000;
/** Tokens with unknown keys make the key set be asked for again, at most this often. */
const KEY_SET_COOLDOWN_MS = 30_000;
/** How long a key that was withdrawn is still accepted. */
const KEY_SET_MAX_AGE_MS = 600_000;

type Oidc = NonNullable<CommercetoolsMessagesConfig['oidc']>;

/** The key set could not be had, so that nobody can say whether a token is right; the sender must try again. */
export class KeySetUnavailableError extends Error {
  override readonly name = 'KeySetUnavailableError';
}

/** Tells the configured push service from everybody else. */
@Injectable()
export class MessageSenderVerifier {
  private readonly oidc?: Oidc;
  private readonly secretDigest?: Buffer;
  private readonly keySet?: JWTVerifyGetKey;

  constructor({ commercetoolsMessages }: ConnectorConfig, http: UpstreamHttp) {
    const { oidc, secret } = commercetoolsMessages ?? {};
    if (secret !== undefined) this.secretDigest = digest(secret);
    if (oidc === undefined) return;
    this.oidc = oidc;
    this.keySet = createRemoteJWKSet(new URL(oidc.jwksUrl), {
      timeoutDuration: KEY_SET_TIMEOUT_MS,
      cooldownDuration: KEY_SET_COOLDOWN_MS,
      cacheMaxAge: KEY_SET_MAX_AGE_MS,
      // Bounded in size, and through the same connections as every other call.
      [customFetch]: async (url, { signal }) => {
        const answer = await http.fetch(url, { method: 'GET', signal });
        return new Response(await answer.text(), { status: answer.status });
      },
    });
  }

  /**
   * @returns why the sender is refused, for the log, or undefined when it is the configured one.
   * @throws KeySetUnavailableError within 5 s when the key set is needed and not answered.
   */
  async verify(headers: IncomingHttpHeaders): Promise<string | undefined> {
    const secret = headers[SECRET_HEADER];
    // A secret that is there and wrong is not healed by a token.
    if (this.secretDigest && secret !== undefined) {
      const isRight = typeof secret === 'string' && timingSafeEqual(digest(secret), this.secretDigest);
      return isRight ? undefined : `${SECRET_HEADER} is wrong`;
    }
    const token = /^bearer +([^\s,]+)$/i.exec(headers.authorization ?? '')?.[1];
    if (this.oidc && this.keySet && token !== undefined)
      return this.verifyToken(token, this.oidc, this.keySet);
    return `no ${[this.oidc && 'bearer token', this.secretDigest && SECRET_HEADER].filter(Boolean).join(' and no ')}`;
  }

  private async verifyToken(token: string, oidc: Oidc, keySet: JWTVerifyGetKey): Promise<string | undefined> {
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
      if (isAboutToken(error)) return `the bearer token is refused: ${error.message}`;
      throw new KeySetUnavailableError(`the key set ${oidc.jwksUrl} cannot be used`, { cause: error });
    }
  }
}

function wrongAccount(
  { email, email_verified: verified }: JWTPayload,
  { serviceAccount }: Oidc,
): string | undefined {
  if (serviceAccount === undefined || (email === serviceAccount && verified === true)) return undefined;
  return 'the bearer token is not of COMMERCETOOLS_MESSAGES_SERVICE_ACCOUNT';
}

/** Everything else comes from the key set: the network, its answer, or a key that cannot be used. */
function isAboutToken(error: unknown): error is Error {
  return (
    error instanceof errors.JOSEError &&
    error.code !== errors.JOSEError.code &&
    !(error instanceof errors.JWKSTimeout) &&
    !(error instanceof errors.JWKSInvalid)
  );
}

/** Of equal length whatever was sent, as the comparison needs it. */
function digest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
