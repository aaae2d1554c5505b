import { type CapturedRequest, parseCapturedRequest } from '../doctor/index.js';
import { asError } from '../errors.js';
import { type Console, UsageError } from './console.js';
import { readBytes } from './input-file.js';
import { MAX_WEBHOOK_BYTES } from './webhook-file.js';

/** @throws UsageError when the file is not a captured request. */
export async function readRequest(path: string, { stdin }: Console): Promise<CapturedRequest> {
  const bytes = await readBytes(path, stdin, MAX_WEBHOOK_BYTES);
  try {
    return parseCapturedRequest(bytes);
  } catch (error) {
    throw new UsageError(`${path} cannot be used: ${asError(error).message}`);
  }
}
