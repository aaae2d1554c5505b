import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const REPOSITORY = new URL('../../', import.meta.url).pathname;
export const PACKAGE = 'fluent-commercetools-connector';
const TSC = join(REPOSITORY, 'node_modules/typescript/bin/tsc');

/** An empty folder far away from the repository, where the packed package is used as a partner would. */
export class PartnerMachine {
  readonly folder = mkdtempSync(join(tmpdir(), 'partner-'));
  private constructor(readonly files: readonly string[]) {}

  /** @throws Error with what npm said when the package cannot be packed. */
  static async withPackedPackage(): Promise<PartnerMachine> {
    const folder = mkdtempSync(join(tmpdir(), 'packed-'));
    try {
      const packed = await run(`npm pack --json --pack-destination ${folder}`, REPOSITORY);
      const [{ filename, files }] = JSON.parse(packed.slice(packed.search(/^\[/m))) as [
        { filename: string; files: { path: string }[] },
      ];
      const machine = new PartnerMachine(files.map(({ path }) => path));
      cpSync(join(folder, filename), machine.tarball);
      return machine;
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  get tarball(): string {
    return join(this.folder, 'package.tgz');
  }

  path(...segments: string[]): string {
    return join(this.folder, ...segments);
  }

  /** Runs shell commands in a folder; where they install the connector, the packed one is meant. */
  sh(commands: string, folder = this.folder): Promise<string> {
    const meant = commands.replaceAll(
      /^(npm install .*)fluent-commercetools-connector/gm,
      `$1${this.tarball}`,
    );
    return run(`set -e\n${meant}`, folder);
  }

  /** @throws Error with what the compiler said. */
  typecheck(project: string, options: object = {}): Promise<string> {
    const compilerOptions = {
      module: 'nodenext',
      target: 'es2023',
      lib: ['es2023', 'esnext.disposable'],
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
      types: ['node'],
      ...options,
    };
    writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['**/*.ts'] }));
    return run(`node ${TSC} -p .`, project);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** @returns what was printed. @throws Error with what was printed when the exit code is not 0. */
async function run(commands: string, cwd: string): Promise<string> {
  // What npm tells its scripts about this repository must not reach an npm in another folder.
  const kept = new Set(['npm_config_registry', 'npm_config_cache', 'npm_config_userconfig']);
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => kept.has(name) || !/^(npm_|VITEST|NODE_ENV|TEST$|DEV$|PROD$)/.test(name),
    ),
  );
  const child = spawn('sh', ['-c', commands], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`exit code ${code} of:\n${commands}\n${output}\n${errors}`);
  return output;
}
