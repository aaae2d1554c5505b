import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { writeProblem } from './client-error.js';
import { Problem } from './problem.js';

/** Bodies up to this size are not tracked: all connections together cannot hold enough of them to matter. */
const SMALL_BYTES = 4096;
/** What a chunk costs in memory beside its bytes; a body may arrive byte by byte. */
const CHUNK_BYTES = 512;
const RETRY_AFTER_SECONDS = 5;

/**
 * Limits how much memory all unfinished bodies hold together. Their senders are not authenticated yet: without the
 * limit, a thousand bodies that never end would hold a thousand times the body limit.
 *
 * When the total exceeds `maxBytes`, the largest body gets 503 and its connection is closed. Notifications are
 * small, so it is almost never a notification.
 */
export function limitBodyMemory(server: FastifyInstance, maxBytes: number): void {
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
    detail: 'too many request bodies are in flight; send the request again',
    headers: { 'retry-after': String(RETRY_AFTER_SECONDS) },
    reason: 'the unfinished bodies exceeded their memory limit and this was the largest',
  });
  forget(request);
  writeProblem(request.socket, problem);
  request.destroy(problem);
}

function largestOf(unfinished: ReadonlyMap<IncomingMessage, number>): IncomingMessage {
  return [...unfinished].reduce((a, b) => (b[1] > a[1] ? b : a))[0];
}
