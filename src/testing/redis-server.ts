import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const SERVERS = ['redis-server', 'valkey-server'] as const;
const INSTALL_TIMEOUT_MS = 300_000;

interface Installer {
  readonly manager: string;
  readonly needsRoot: boolean;
  readonly commands: readonly (readonly string[])[];
}

const INSTALLERS: readonly Installer[] = [
  {
    manager: 'apt-get',
    needsRoot: true,
    commands: [
      ['update'],
      ['install', '--yes', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=120', 'redis-server'],
    ],
  },
  { manager: 'apk', needsRoot: true, commands: [['add', '--no-cache', 'redis']] },
  { manager: 'brew', needsRoot: false, commands: [['install', 'redis']] },
];

/**
 * Finds a Redis or Valkey server program, or installs one with the system's package manager when the user
 * may do so.
 *
 * @returns the absolute path of the program.
 * @throws Error that names the ways out when there is none.
 */
export function provideRedisServer(): string {
  const found = findServer();
  if (found) return found;
  const failures: string[] = [];
  for (const { manager, needsRoot, commands } of INSTALLERS) {
    const program = findOnPath(manager);
    if (!program) continue;
    if (needsRoot && process.getuid?.() !== 0) {
      failures.push(`${manager} would need root`);
      continue;
    }
    process.stderr.write(`There is no Redis server on this machine; installing one with ${manager} …\n`);
    const failure = commands.map((args) => run(program, args)).find((message) => message !== undefined);
    const installed = findServer();
    if (installed) return installed;
    failures.push(`${manager} failed: ${failure ?? 'it installed no server that is on PATH'}`);
  }
  throw new Error(
    [
      'There is no Redis server, and none could be installed' +
        (failures.length > 0 ? ` (${failures.join('; ')}).` : ': no package manager was found.'),
      'Do one of these three:',
      '  1. set REDIS_URL to a server that runs, e.g. redis://127.0.0.1:6379',
      '  2. install redis-server or valkey-server with the package manager of this system',
      `  3. put one of these programs into a folder of PATH (${process.env.PATH ?? 'which is empty'})`,
    ].join('\n'),
  );
}

function findServer(): string | undefined {
  return SERVERS.map(findOnPath).find((program) => program !== undefined);
}

function findOnPath(program: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, program)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** @returns why the command failed, or undefined. */
function run(program: string, args: readonly string[]): string | undefined {
  const { status, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    timeout: INSTALL_TIMEOUT_MS,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (status === 0) return undefined;
  return error?.message ?? (stderr.trim().split('\n').at(-1) || `exit code ${status}`);
}
