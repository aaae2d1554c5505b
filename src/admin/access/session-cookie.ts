import type { FastifyRequest } from 'fastify';

/** Holds the sealed session. */
export const SESSION_COOKIE = 'connector-admin-session';
/** Repeats the session's CSRF token with every change. */
export const CSRF_HEADER = 'x-csrf-token';

const VALUE = new RegExp(`(?:^|;\\s*)${SESSION_COOKIE}=([\\w.-]+)`);

/** @returns the sealed session that a request carries. */
export function sealedSessionOf({ headers }: FastifyRequest): string | undefined {
  return VALUE.exec(headers.cookie ?? '')?.[1];
}

/** @returns the value of `Set-Cookie`. Without `sealed`, the browser forgets the session. */
export function sessionCookie({ headers }: FastifyRequest, sealed = '', maxAgeSeconds = 0): string {
  // The browser's own address of the page: it shows TLS even if a proxy in front of the connector ends it.
  const isTls = headers.origin?.startsWith('https:') === true;
  const attributes = ['Path=/admin', 'HttpOnly', 'SameSite=Strict', `Max-Age=${maxAgeSeconds}`];
  return [`${SESSION_COOKIE}=${sealed}`, ...attributes, ...(isTls ? ['Secure'] : [])].join('; ');
}

/**
 * Whether the browser says that a page of this very origin makes the request. `SameSite` alone is not enough: another
 * port of the same host is the same site.
 */
export function isOwnOrigin({ headers }: FastifyRequest): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin';
  // Browsers leave Sec-Fetch-Site out when the connection is neither encrypted nor local.
  const { origin = '', host } = headers;
  return URL.canParse(origin) && new URL(origin).host === host;
}
