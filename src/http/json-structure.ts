const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Limits of {@link excessOf}. */
export interface JsonLimits {
  readonly maxDepth: number;
  /** Counts what begins or separates values: `{`, `[`, `:` and `,`. */
  readonly maxValues: number;
}

/**
 * Scans JSON text without building a value. A deep value overflows the stack of code that walks it later, e.g.
 * `JSON.stringify`; a text of many tiny values costs a hundred times its size in time and memory.
 *
 * @returns what exceeds a limit, or undefined.
 */
export function excessOf(
  json: Uint8Array,
  { maxDepth, maxValues }: JsonLimits,
): 'too deep' | 'too many values' | undefined {
  let depth = 0;
  let values = 0;
  let inString = false;
  for (let i = 0; i < json.length; i++) {
    const byte = json[i];
    if (inString) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) {
      inString = true;
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (++depth > maxDepth) return 'too deep';
      if (++values > maxValues) return 'too many values';
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      depth--;
    } else if ((byte === COMMA || byte === COLON) && ++values > maxValues) {
      return 'too many values';
    }
  }
  return undefined;
}
