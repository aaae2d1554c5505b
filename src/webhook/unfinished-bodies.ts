import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { writeProblem } from './broken-request.js';
import { Problem } from './problem.js';

/** Bodies up to this are not watched: all connections together cannot hold enough of them to hurt. */
const SMALL_BYTES = 4096;
/** What a chunk costs in memory beside its bytes; a body may come byte by byte. */
const CHUNK_BYTES = 512;
const RETRY_AFTER_SECONDS = 5;

/**
 * Bounds what the bodies that are still being received hold in memory together. Nobody has proved yet who
 * sends them: without this, a thousand that never end would take a thousand times the body limit.
 *
 * Beyond `maxBytes` the largest is answered 503 and cut off, which is hardly ever a notification.
 */
export function boundUnfinishedBodies(server: FastifyInstance, maxBytes: number): void {
  const unfinished = new Map<IncomingMessage, number>();
  let total = 0;
  const forget = (request: IncomingMessage): void => {
    total -= unfinished.get(request) ?? 0;
    unfinished.delete(request);
  };
  server.addHook('preParsing', ({ raw }, _reply, payload, done) => {
    const { 'content-length': length, 'transfer-encoding': encoding } = raw.headers;
    if (encoding !== undefined || Number(length ?? 0) > SMALL_BYTES) {
      raw.on('data', (chunk: Buffer) => {
        const cost = chunk.length + CHUNK_BYTES;
        unfinished.set(raw, (unfinished.get(raw) ?? 0) + cost);
        total += cost;
        if (total > maxBytes) cutOff(largestOf(unfinished), forget);
      });
      raw.once('end', () => forget(raw));
      raw.once('close', () => forget(raw));
    }
    done(null, payload);
  });
}

function cutOff(request: IncomingMessage, forget: (request: IncomingMessage) => void): void {
  const problem = new Problem(503, {
    detail: 'too many bodies are being received; send the notification again',
    headers: { 'retry-after': String(RETRY_AFTER_SECONDS) },
    reason: 'the largest of too many unfinished bodies was cut off',
  });
  forget(request);
  writeProblem(request.socket, problem);
  request.destroy(problem);
}

function largestOf(unfinished: ReadonlyMap<IncomingMessage, number>): IncomingMessage {
  return [...unfinished].reduce((a, b) => (b[1] > a[1] ? b : a))[0];
}
