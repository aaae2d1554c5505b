import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { BodyReader } from './body-reader.js';
import type { IngressRoutes } from './ingress-routes.js';
import { Problem } from './problem.js';

/** A notification has three or four levels. */
const MAX_DEPTH = 64;
/** A value costs V8 far more than its bytes. A notification has some hundred values. */
const MAX_VALUES = 100_000;

/** A request with a JSON body. */
export interface JsonRequest extends FastifyRequest {
  /** The bytes as they were received: a signature covers exactly these. */
  rawBody?: Buffer;
}

/**
 * Registers the only body parser of the server. It reads JSON; for ingress routes that authenticate the body itself,
 * it passes the received bytes on unparsed, as `body` and `rawBody`.
 */
export function registerJsonParser(server: FastifyInstance, reader: BodyReader, routes: IngressRoutes): void {
  server.removeAllContentTypeParsers();
  server.decorateRequest('rawBody', undefined);
  server.addContentTypeParser(
    'application/json',
    (request: JsonRequest, _payload, done: (error: Error | null, body?: unknown) => void) => {
      const problem = encodingProblem(request.headers);
      if (problem) {
        done(problem);
        return;
      }
      reader.read(request.raw, (error, body) => {
        if (error || !body) {
          done(error);
          return;
        }
        request.rawBody = body;
        if (routes.find(request.routeOptions.url)?.body === 'bytes') {
          done(null, body);
          return;
        }
        try {
          done(null, parseJson(body, 'the body'));
        } catch (invalid) {
          done(invalid as Error);
        }
      });
    },
  );
}

/** @returns a Problem 415 when the headers announce another encoding or charset than JSON in plain UTF-8. */
export function encodingProblem(headers: IncomingHttpHeaders): Problem | undefined {
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding.trim().toLowerCase() !== 'identity') {
    return new Problem(415, {
      detail: 'compressed bodies are not accepted; send the body without Content-Encoding',
    });
  }
  const charset = /;\s*charset\s*=\s*"?([^\s;"]*)/i.exec(headers['content-type'] ?? '')?.[1];
  if (charset !== undefined && !/^utf-?8$/i.test(charset)) {
    return new Problem(415, { detail: 'only UTF-8 is accepted' });
  }
  return undefined;
}

/**
 * Parses JSON. Call it only after the sender is authenticated: parsing can cost a hundred times more than verifying.
 *
 * @param what the name of the bytes, for the sender: `the body`.
 * @throws Problem 400 when the bytes are not well-formed JSON in UTF-8, nest too deep, or have too many values.
 */
export function parseJson(bytes: Buffer, what: string): unknown {
  if (!isUtf8(bytes)) throw new Problem(400, { detail: `${what} is not valid UTF-8` });
  const excess = excessOf(bytes, { maxDepth: MAX_DEPTH, maxValues: MAX_VALUES });
  if (excess === 'too deep') {
    throw new Problem(400, { detail: `${what} nests deeper than ${MAX_DEPTH} levels` });
  }
  if (excess === 'too many values') {
    throw new Problem(400, { detail: `${what} has more than ${MAX_VALUES} values` });
  }
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    // The parser's message quotes the text, which may hold personal data.
    throw new Problem(400, { detail: `${what} is not JSON` });
  }
}

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
  // Most bodies are small and flat, which a few native searches show.
  if (json.length <= maxValues && opens(json, maxDepth) <= maxDepth) return undefined;
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

/** @returns how many brackets and braces open, also within strings; counting ends beyond `most`. */
function opens(json: Uint8Array, most: number): number {
  let count = 0;
  for (const open of [OPEN_BRACE, OPEN_BRACKET]) {
    for (let at = json.indexOf(open); at >= 0 && count <= most; at = json.indexOf(open, at + 1)) count++;
  }
  return count;
}
