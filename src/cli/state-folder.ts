import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from '../config/index.js';
import { PACKAGE_NAME } from '../package-info.js';

/** The default folder for records of sent batches; `--state-dir` selects another one. */
export function defaultStateFolder(env: Environment): string {
  return join(env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state'), PACKAGE_NAME);
}
