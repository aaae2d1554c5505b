import type { Command } from 'commander';
import { type Environment, isLoopbackUrl, readSecretFile } from '../../config/index.js';
import { type Console, UsageError, printLine } from '../console.js';
import { type ModuleOptions, withModuleOption } from '../module-option.js';
import type { AdminApi } from './admin-api.js';
import { RemoteAdmin } from './remote-admin.js';

/** Options of every command that uses the admin API. */
export interface AdminOptions extends ModuleOptions {
  readonly url?: string;
  readonly tokenFile?: string;
  readonly json?: boolean;
}

export function withAdminOptions(command: Command): Command {
  return withModuleOption(command)
    .option(
      '--url <address>',
      "a running connector's management address; without it, the configuration is used",
    )
    .option('--token-file <file>', 'the admin token for --url (ADMIN_TOKEN, ADMIN_TOKEN_FILE)')
    .option('--json', 'results as JSON');
}

/**
 * Runs `work` with the admin API of the running connector at `--url`, or of services in this process.
 *
 * @throws UsageError when the address or the token is missing or wrong.
 */
export async function withAdmin<T>(
  console: Console,
  options: AdminOptions,
  work: (admin: AdminApi) => Promise<T>,
): Promise<T> {
  const remote = await remoteAdmin(console, options);
  if (remote) return work(remote);
  // It loads the whole connector, which a request to a running one does not need.
  const { withLocalAdmin } = await import('./local-admin.js');
  return withLocalAdmin(console, options, work);
}

/**
 * @returns the admin API of the running connector at `--url`; undefined without the option.
 * @throws UsageError when the address or the token is missing or wrong.
 */
export async function remoteAdmin(console: Console, options: AdminOptions): Promise<AdminApi | undefined> {
  if (options.url === undefined) {
    if (options.tokenFile === undefined) return undefined;
    throw new UsageError('--token-file is for --url; give both or neither');
  }
  const url = addressOf(options.url);
  if (url.protocol === 'http:' && !isLoopbackUrl(url)) {
    await printLine(console.stderr, 'warning: --url sends the admin token to another host without TLS');
  }
  return new RemoteAdmin(url, tokenOf(options, console.env), console.signal);
}

function addressOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '') return url;
  throw new UsageError(
    '--url must be the http:// or https:// address of a connector, e.g. http://localhost:8081',
  );
}

/** A token as an argument would be visible to every user of the machine. */
function tokenOf({ tokenFile }: AdminOptions, env: Environment): string {
  const file = tokenFile ?? (env['ADMIN_TOKEN'] ? undefined : env['ADMIN_TOKEN_FILE']);
  const { secret, problem } = file
    ? readSecretFile(file)
    : { secret: env['ADMIN_TOKEN'], problem: undefined };
  if (problem !== undefined) {
    throw new UsageError(`${tokenFile === undefined ? 'ADMIN_TOKEN_FILE' : '--token-file'} ${problem}`);
  }
  const token = secret?.trim();
  if (token) return token;
  throw new UsageError('--url needs the admin token: set ADMIN_TOKEN, or name a file with --token-file');
}
