const REDACTED = '[redacted]';
/** Shorter ones are found in ordinary words, so they are replaced only where they stand alone. */
const SHORTEST_WITHIN_WORDS = 4;
/** Of longer ones this much is enough, because upstreams cut long texts off. */
const LONGEST_BEGINNING = 16;
/** What credentials consist of once they are encoded. */
const REST_OF_CREDENTIAL = '[\\w.~+/=%-]*';
/** Also those of another caller: whatever follows the scheme of an `Authorization` header and is too long for a word. */
const AUTHORIZATION = /\b(Bearer|Basic)(\s+|%20|\+)[\w.~+/=%-]{16,}/gi;

/**
 * Takes credentials out of text that an upstream sent. Some systems, and the proxies in front of them, answer a
 * request that they refuse with its own headers or form.
 *
 * @param credentials what was sent: passwords, client secrets, user names, tokens. They are also found as Base64,
 * encoded as a part of a URL or a form, escaped for JSON or HTML, and with their end cut off.
 */
export function redactCredentials(text: string, credentials: readonly string[]): string {
  const forms = [...new Set(credentials.filter((credential) => credential !== '').flatMap(formsOf))];
  const withoutHeaders = text.replace(AUTHORIZATION, `$1 ${REDACTED}`);
  if (forms.length === 0) return withoutHeaders;
  // The longest first, so that a form which contains another is replaced as a whole, and beginnings after whole ones.
  const longestFirst = forms.toSorted((a, b) => b.length - a.length);
  const patterns = [...longestFirst.map(patternOf), ...longestFirst.flatMap(beginningOf)];
  return withoutHeaders.replace(new RegExp(patterns.join('|'), 'gi'), REDACTED);
}

function formsOf(given: string): string[] {
  const bytes = Buffer.from(given);
  const base64 = bytes.toString('base64');
  // Half of a surrogate pair cannot be encoded for a URL.
  const credential = bytes.toString();
  return [
    credential,
    base64.replace(/=+$/, ''),
    bytes.toString('base64url'),
    encodeURIComponent(credential),
    encodeURIComponent(base64),
    new URLSearchParams([['', credential]]).toString().slice(1),
    JSON.stringify(credential).slice(1, -1),
    credential
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;'),
  ];
}

function patternOf(form: string): string {
  if (form.length < SHORTEST_WITHIN_WORDS) return `(?<!\\w)${escapeRegExp(form)}(?!\\w)`;
  // Base64 may be filled up.
  return `${escapeRegExp(form)}=*`;
}

/** @returns the pattern of a form whose end may be cut off; none for a short one. */
function beginningOf(form: string): string[] {
  if (form.length <= LONGEST_BEGINNING) return [];
  return [`${escapeRegExp(form.slice(0, LONGEST_BEGINNING))}${REST_OF_CREDENTIAL}`];
}

function escapeRegExp(text: string): string {
  return text.replaceAll(/[$()*+.?[\\\]^{|}/-]/g, '\\$&');
}
