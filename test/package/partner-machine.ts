import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';

export const REPOSITORY = new URL('../../', import.meta.url).pathname;
export const PACKAGE = 'fluent-commercetools-connector';
export const CREATE_PACKAGE = `create-${PACKAGE}`;
/** What the repository has beside its sources. */
const NOT_COPIED = new Set(['node_modules', 'dist', 'build', 'coverage', '.git']);
const TSC = join(REPOSITORY, 'node_modules/typescript/bin/tsc');

/** An empty folder far away from the repository, where the packed packages are used as a partner would. */
export class PartnerMachine {
  constructor(
    readonly folder: string,
    /** What the packed connector contains. */
    readonly files: readonly string[],
  ) {}

  /** @throws Error with what npm said when a package cannot be packed. */
  static async withPackedPackages(): Promise<PartnerMachine> {
    const folder = mkdtempSync(join(tmpdir(), 'partner-'));
    // Packing builds anew, and other tests may use the build of the repository now.
    const copy = join(folder, 'repository');
    const pack = async (source: string, name: string): Promise<string[]> => {
      const packed = await run(`npm pack ${source} --json --pack-destination ${folder}`, copy);
      const [{ filename, files }] = JSON.parse(packed.slice(packed.search(/^\[/m))) as [
        { filename: string; files: { path: string }[] },
      ];
      await run(`mv ${filename} ${name}.tgz`, folder);
      return files.map(({ path }) => path);
    };
    try {
      cpSync(REPOSITORY, copy, {
        recursive: true,
        filter: (path) => !NOT_COPIED.has(relative(REPOSITORY, path)),
      });
      symlinkSync(join(REPOSITORY, 'node_modules'), join(copy, 'node_modules'));
      const files = await pack('.', PACKAGE);
      await pack('./create', CREATE_PACKAGE);
      rmSync(copy, { recursive: true });
      return new PartnerMachine(folder, files);
    } catch (error) {
      rmSync(folder, { recursive: true });
      throw error;
    }
  }

  tarball(name = PACKAGE): string {
    return join(this.folder, `${name}.tgz`);
  }

  path(...segments: string[]): string {
    return join(this.folder, ...segments);
  }

  /** Runs shell commands in a folder; where they install the connector, the packed one is meant. */
  sh(commands: string, folder = this.folder): Promise<string> {
    const meant = commands
      .replaceAll(/^(npm install .*)fluent-commercetools-connector/gm, `$1${this.tarball()}`)
      .replaceAll(
        /^npm create fluent-commercetools-connector(?:@latest)?/gm,
        `npm exec --yes --package ${this.tarball(CREATE_PACKAGE)} -- ${CREATE_PACKAGE}`,
      );
    return run(`set -e\n${meant}`, folder);
  }

  /**
   * Gives a project the packages that another one has installed, so that its own `npm install` only has to check them.
   * Costs neither time nor space: the files are the same ones.
   */
  async shareInstallation(from: string, project: string): Promise<void> {
    mkdirSync(project, { recursive: true });
    await run(`cp -al ${join(from, 'node_modules')} ${project}`, this.folder);
    // npm writes these in place.
    for (const name of readdirSync(join(from, 'node_modules')).filter((each) => each.startsWith('.'))) {
      const target = join(project, 'node_modules', name);
      rmSync(target, { recursive: true });
      cpSync(join(from, 'node_modules', name), target, { recursive: true, verbatimSymlinks: true });
    }
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

  /** Arguments for a project's own Vitest, so that its tests are counted with ours. */
  reporters(project: string): string {
    const results = process.env['TEST_RESULTS_DIR'];
    if (!results) return '';
    const file = join(results, `project-${basename(project)}.json`);
    return `-- --reporter=default --reporter=json --outputFile=${file}`;
  }

  /** With rm, which takes seconds for what takes Node minutes: every project has its own links to the packages. */
  remove(): void {
    execFileSync('rm', ['-rf', this.folder]);
  }
}

/** All installations need the same packages, so the first one fills the cache for the others. */
const QUICK_NPM = {
  npm_config_prefer_offline: 'true',
  npm_config_audit: 'false',
  npm_config_fund: 'false',
  npm_config_update_notifier: 'false',
};

/** @returns what was printed. @throws Error with what was printed when the exit code is not 0. */
export async function run(commands: string, cwd: string): Promise<string> {
  // What npm tells its scripts about this repository must not reach an npm in another folder.
  const kept = new Set(['npm_config_registry', 'npm_config_cache', 'npm_config_userconfig']);
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => kept.has(name) || !/^(npm_|VITEST|NODE_ENV|TEST$|DEV$|PROD$)/.test(name),
    ),
  );
  Object.assign(env, QUICK_NPM);
  const child = spawn('sh', ['-c', commands], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`exit code ${code} of:\n${commands}\n${output}\n${errors}`);
  return output;
}
