/** A request that a proxy, a packet dump or a log has recorded. */
export interface CapturedRequest {
  /** By name in lower case. A repeated header is joined with a comma, as Node does. */
  readonly headers: Readonly<Record<string, string>>;
  /** The bytes after the headers. */
  readonly body: Buffer;
}

/** A packet dump has other bytes before the request line. */
const REQUEST_LINE = /^(?:> )?[A-Z]{3,10} \S+ HTTP\/\d(?:\.\d)?\r?$/m;
const HEADER = /^(?:> )?([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/;

/**
 * Reads a captured request in one of two forms:
 *
 * - an HTTP request message: request line, headers, an empty line, and the body, byte by byte. Anything before the request
 *   line is skipped, and so is the `> ` that `curl --verbose` puts before headers;
 * - JSON: `{ "headers": { "name": "value" }, "bodyBase64": "…" }`, or `"body"` with the body as text.
 *
 * @throws Error that says what is missing.
 */
export function parseCapturedRequest(bytes: Buffer): CapturedRequest {
  // Latin-1 has one character for each byte, so positions are the same.
  const text = bytes.toString('latin1');
  if (/^\s*\{/.test(text)) return ofJson(bytes.toString('utf8'));
  const start = REQUEST_LINE.exec(text);
  if (!start) {
    throw new Error(
      'it is neither an HTTP request (POST /path HTTP/1.1, headers, an empty line, the body) nor JSON with headers and body',
    );
  }
  const headers: Record<string, string> = {};
  let position = start.index + start[0].length + 1;
  for (;;) {
    const end = text.indexOf('\n', position);
    if (end < 0) throw new Error('it has no empty line between the headers and the body');
    const line = text.slice(position, end).replace(/\r$/, '');
    position = end + 1;
    if (line === '' || line === '>' || line === '> ') break;
    const [, name, value = ''] = HEADER.exec(line) ?? [];
    if (name === undefined)
      throw new Error(`the line ${Object.keys(headers).length + 2} of the request is not a header`);
    add(headers, name, value);
  }
  return { headers, body: bytes.subarray(position) };
}

function ofJson(text: string): CapturedRequest {
  let captured: { headers?: unknown; body?: unknown; bodyBase64?: unknown };
  try {
    captured = JSON.parse(text) as typeof captured;
  } catch {
    // The parser quotes what it read, which may be personal data.
    throw new Error('it begins like JSON, and is not JSON');
  }
  const { headers: given, body, bodyBase64 } = captured;
  if (typeof given !== 'object' || given === null) {
    throw new Error('it has no headers; a body alone has no signature. Capture the headers, too');
  }
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    for (const each of [value].flat()) add(headers, name, String(each));
  }
  if (typeof bodyBase64 === 'string') return { headers, body: Buffer.from(bodyBase64, 'base64') };
  if (typeof body === 'string') return { headers, body: Buffer.from(body) };
  throw new Error(
    'its body must be text, or Base64 in bodyBase64: a signature covers bytes, and a parsed body has lost them',
  );
}

function add(headers: Record<string, string>, name: string, value: string): void {
  const key = name.toLowerCase();
  headers[key] = headers[key] === undefined ? value : `${headers[key]}, ${value}`;
}
