import type { IncomingMessage } from 'node:http';
import { writeProblem } from './client-error.js';
import { Problem } from './problem.js';

/** The memory that a chunk needs in addition to its bytes. */
const CHUNK_BYTES = 512;
/** Every body may have this many chunks of any size; beyond that, chunks must have an average size. */
const FREE_CHUNKS = 64;
const MIN_AVERAGE_CHUNK_BYTES = 256;
const RETRY_AFTER_SECONDS = 5;

/**
 * Reads request bodies within limits: their size, their number of chunks, and the memory that all unfinished bodies
 * hold together. Their senders are not authenticated yet: without the last limit, a thousand bodies that never end
 * would hold a thousand times the body limit.
 */
export class BodyReader {
  private readonly unfinished = new Map<IncomingMessage, number>();
  private total = 0;

  /**
   * @param maxBodyBytes the reader refuses larger bodies, and does so before it reads them if their length is known.
   * @param maxUnfinishedBytes if all unfinished bodies together hold more, the reader refuses the largest one and closes
   * its connection. Notifications are small, so this is almost never a notification.
   */
  constructor(
    private readonly maxBodyBytes: number,
    private readonly maxUnfinishedBytes: number,
  ) {}

  /**
   * Calls back once.
   *
   * @param done with the received bytes, or with a Problem: 413 when the body is too large, 400 when it consists of
   * tiny chunks, ends early, or the client aborts.
   */
  read(request: IncomingMessage, done: (error: Error | null, body?: Buffer) => void): void {
    const announced = Number(request.headers['content-length'] ?? 0);
    if (announced > this.maxBodyBytes) {
      done(this.tooLarge());
      return;
    }
    const chunks: Buffer[] = [];
    let bytes = 0;
    const finish = (error: Error | null): void => {
      request.off('data', onData).off('end', onEnd).off('error', onAbort).off('close', onAbort);
      this.forget(request);
      if (error) done(error);
      else done(null, chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, bytes));
    };
    const onData = (chunk: Buffer): void => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > this.maxBodyBytes) finish(this.tooLarge());
      else if (chunks.length > FREE_CHUNKS + bytes / MIN_AVERAGE_CHUNK_BYTES) {
        finish(new Problem(400, { detail: 'the body arrives in too many small chunks' }));
      } else if (bytes !== announced) this.hold(request, chunk.length + CHUNK_BYTES);
    };
    const onEnd = (): void => finish(null);
    const onAbort = (error?: Error): void =>
      finish(
        error instanceof Problem ? error : new Problem(400, { reason: 'the client aborted the request' }),
      );
    request.on('data', onData).on('end', onEnd).on('error', onAbort).on('close', onAbort);
    request.resume();
  }

  private tooLarge(): Problem {
    return new Problem(413, { detail: `the body is larger than ${this.maxBodyBytes} bytes` });
  }

  private hold(request: IncomingMessage, cost: number): void {
    this.unfinished.set(request, (this.unfinished.get(request) ?? 0) + cost);
    this.total += cost;
    if (this.total > this.maxUnfinishedBytes) this.refuse(largestOf(this.unfinished));
  }

  private forget(request: IncomingMessage): void {
    this.total -= this.unfinished.get(request) ?? 0;
    this.unfinished.delete(request);
  }

  private refuse(request: IncomingMessage): void {
    const problem = new Problem(503, {
      detail: 'too many request bodies are in flight; send the request again',
      headers: { 'retry-after': String(RETRY_AFTER_SECONDS) },
      reason: 'the unfinished bodies exceeded their memory limit and this was the largest',
    });
    this.forget(request);
    writeProblem(request.socket, problem);
    request.destroy(problem);
  }
}

function largestOf(unfinished: ReadonlyMap<IncomingMessage, number>): IncomingMessage {
  return [...unfinished].reduce((a, b) => (b[1] > a[1] ? b : a))[0];
}
