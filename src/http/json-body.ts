import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isDeeperThan } from './json-depth.js';
import { Problem } from './problem.js';

/** A notification nests three or four levels. */
const MAX_DEPTH = 64;

/** A request whose JSON body was parsed from {@link rawBody}. */
export interface JsonRequest extends FastifyRequest {
  /** The bytes as they were received: the signature covers exactly these. */
  rawBody?: Buffer;
}

/**
 * Registers the only body parser of the server: JSON, parsed once, with the received bytes kept beside it.
 *
 * @param limitBytes larger bodies get 413 before they are read to the end.
 */
export function registerJsonParser(server: FastifyInstance, limitBytes: number): void {
  server.removeAllContentTypeParsers();
  server.decorateRequest('rawBody', undefined);
  server.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer', bodyLimit: limitBytes },
    (request: JsonRequest, body: Buffer, done: (error: Error | null, body?: unknown) => void) => {
      try {
        const parsed = parseJson(body, request.headers);
        request.rawBody = body;
        done(null, parsed);
      } catch (error) {
        done(error as Error);
      }
    },
  );
}

/** @throws Problem 415 for another encoding or charset, 400 when the body is not well-formed JSON in UTF-8. */
export function parseJson(body: Buffer, headers: IncomingHttpHeaders): unknown {
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding.trim().toLowerCase() !== 'identity') {
    throw new Problem(415, {
      detail: 'compressed bodies are not accepted; send the body without Content-Encoding',
    });
  }
  const charset = /;\s*charset\s*=\s*"?([^\s;"]*)/i.exec(headers['content-type'] ?? '')?.[1];
  if (charset !== undefined && !/^utf-?8$/i.test(charset)) {
    throw new Problem(415, { detail: 'only UTF-8 is accepted' });
  }
  return parseJsonBytes(body, 'the body');
}

/**
 * @param what the name of the bytes, for the sender: `the body`.
 * @throws Problem 400 when the bytes are not well-formed JSON in UTF-8, or nest too deep.
 */
export function parseJsonBytes(bytes: Buffer, what: string): unknown {
  if (!isUtf8(bytes)) throw new Problem(400, { detail: `${what} is not valid UTF-8` });
  if (isDeeperThan(MAX_DEPTH, bytes)) {
    throw new Problem(400, { detail: `${what} nests deeper than ${MAX_DEPTH} levels` });
  }
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    // The parser's message quotes the text, which may hold personal data.
    throw new Problem(400, { detail: `${what} is not JSON` });
  }
}
