import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from '../config/index.js';
import { PACKAGE_NAME } from '../package-info.js';

/** Where loads remember what they sent, unless `--state-dir` says otherwise. */
export function defaultStateFolder(env: Environment): string {
  return join(env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state'), PACKAGE_NAME);
}
