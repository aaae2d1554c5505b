/** commercetools accepts 8 to 256 of these characters. */
const UNSAFE = /[^A-Za-z0-9_/-]/g;

/** @returns the text as an `X-Correlation-ID`; notification ids are free text and could break the header. */
export function correlationHeader(text: string): string {
  return text.slice(0, 256).replace(UNSAFE, '-').padEnd(8, '-');
}
