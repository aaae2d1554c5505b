import { open, type FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { UsageError } from './console.js';

/** Opens a file of the user. @throws UsageError when it cannot be opened */
export async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path);
  } catch (error) {
    throw new UsageError(`${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

/**
 * @param path `-` is standard input
 * @throws UsageError when it cannot be read, is longer than `maxBytes`, or is not JSON
 */
export async function readJson(path: string, stdin: Readable, maxBytes: number): Promise<unknown> {
  const source = path === '-' ? stdin : (await openFile(path)).createReadStream();
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > maxBytes) throw new UsageError(`${path} is longer than ${maxBytes} bytes`);
      chunks.push(Buffer.from(chunk));
    }
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch (error) {
    if (error instanceof UsageError) throw error;
    // The parser quotes what it read, which may be personal data.
    if (error instanceof SyntaxError) throw new UsageError(`${path} is not JSON`);
    throw new UsageError(`${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}
