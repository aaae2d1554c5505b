const REDACTED = '[redacted]';
/** What is cut off is not shown either. Without this bound, a text that repeats what the patterns search would take quadratic time. */
const MAX_LENGTH = 10_000;
/** The part before the @ has at most 64 characters. Without this bound, a long word would take quadratic time. */
const EMAIL = /[\w.!#$&'*+=?^`{|}~-]{1,64}(?:@|%40)[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\.[a-z]{2,}/gi;
/** Only international ones: other digits may be an id. */
const PHONE = /\+\d[\d ()./-]{6,}\d/g;
/**
 * What GraphQL servers quote when a variable does not fit its type: graphql-js (Fluent's and commercetools' emulators),
 * Sangria (commercetools) and graphql-java (Fluent) have a wording each.
 */
const QUOTED_VALUES: readonly RegExp[] = [
  /(got invalid value )[^]*?(?=; | at ")/g,
  /(got invalid value )(?!\[redacted\])[^]*$/g,
  /(but got: )[^]*?(?=\.? Reason:|$)/g,
  /(has an invalid value ?: )[^]*$/g,
];

/**
 * @returns the first 10,000 characters of the text, without e-mail addresses, international phone numbers and the values of
 *   variables that a GraphQL server quotes.
 */
export function withoutPersonalData(text: string): string {
  // Not in the middle of an address, which is then no longer recognized.
  const bounded = text.length > MAX_LENGTH ? text.slice(0, MAX_LENGTH).replace(/\S{1,320}$/, '…') : text;
  const unquoted = QUOTED_VALUES.reduce((rest, pattern) => rest.replace(pattern, `$1${REDACTED}`), bounded);
  return unquoted.replace(EMAIL, REDACTED).replace(PHONE, REDACTED);
}
