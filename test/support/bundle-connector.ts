import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { rolldown } from 'rolldown';
import { ConnectorProcess } from './connector-process.js';

const BUILD = resolve('dist');
const BUNDLES = resolve('build/bundled-connector');
const LOADER = join(import.meta.dirname, 'bundle-loader.cjs');
/** The files of the build that processes begin with, and packages import. */
const PROGRAMS = ['main.js', 'cli/main.js'];
const PACKAGES = ['index.js', 'testing/index.js'];
/** The module that is bundled: what runs a program, and what loads a package. */
const PARTS = [
  ...PROGRAMS.map((path) => `exports['${path}'] = () => import('${join(BUILD, path)}');`),
  ...PACKAGES.map((path) => `exports['${path}'] = () => require('${join(BUILD, path)}');`),
].join('\n');
/** What modules read to find files beside them. */
const LOCATION = /(?<![\w$.])(?:import\.meta\.url|__dirname)\b/g;
/** Imports of what is not in the bundle: modules of Node, and those that an operator names. */
const DYNAMIC_IMPORT = /(?<![\w$.])import\(/g;
/** The comment for the shell and the imports of a program, and what it does then. */
const PROGRAM = /^((?:(?:#!|import ).*\n)*)([^]*)$/;
/** Like a module, it ends with 13 when nothing is left to do while it still awaits something. */
const IN_FUNCTION = `$1
const endUnsettled = () => {
  process.stderr.write('unsettled top-level await\\n');
  process.exit(13);
};
process.once('beforeExit', endUnsettled);
(async () => {
$2
})().then(() => process.off('beforeExit', endUnsettled));
`;

const run = promisify(execFile);

/**
 * Bundles the build with its libraries, in a folder with the programs and packages of the build, and lets V8 compile the
 * bundle. The connector and command line processes of the specs, and the applications in this folder, start from there. A
 * start from the build loads and compiles some 2,700 files, which takes most of its CPU time, and the specs start dozens of
 * processes.
 */
export default async function setup(): Promise<void> {
  if (!existsSync(join(BUILD, 'main.js'))) {
    process.stderr.write(
      `${BUILD} has no main.js; before specs that start the connector, run: npm run build\n`,
    );
    return;
  }
  // Tests with other versions of Node may run now.
  const bundles = join(BUNDLES, `node-${process.versions.node}`);
  const folder = join(bundles, digestOfSources());
  if (!existsSync(folder)) {
    rmSync(bundles, { recursive: true, force: true });
    const unfinished = `${folder}-of-${process.pid}`;
    await bundle(unfinished);
    await writeParts(unfinished);
    await compile(unfinished);
    renameSync(unfinished, folder);
  }
  process.env['CONNECTOR_BUILD'] = folder;
}

/** @returns a name for what is bundled, which a build with the same files has, too. */
function digestOfSources(): string {
  const built = readdirSync(BUILD, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.js'),
  );
  const sources = [
    ...built.toSorted().map((path) => join(BUILD, path)),
    'package-lock.json',
    LOADER,
    import.meta.filename,
  ];
  const digest = createHash('sha256');
  for (const path of sources) digest.update(`${path}\0`).update(readFileSync(path)).update('\0');
  return digest.digest('hex').slice(0, 16);
}

async function bundle(folder: string): Promise<void> {
  const bundled = await rolldown({
    input: 'parts',
    platform: 'node',
    // Nest asks for optional packages that are not installed.
    logLevel: 'silent',
    plugins: [
      {
        name: 'parts',
        resolveId: (id) => (id === 'parts' ? id : undefined),
        load: (id) => (id === 'parts' ? PARTS : undefined),
      },
      {
        name: 'keep-locations',
        transform: (code, id) =>
          code.replaceAll(LOCATION, (name) =>
            JSON.stringify(name === '__dirname' ? dirname(id) : pathToFileURL(id).href),
          ),
      },
      {
        // A bundle in which `await` stands outside of functions can only be a module, and V8 keeps the code of scripts alone.
        name: 'wrap-programs',
        transform: (code, id) =>
          PROGRAMS.some((program) => id === join(BUILD, program))
            ? code.replace(PROGRAM, IN_FUNCTION)
            : undefined,
      },
      {
        // V8 does not let code that was kept import modules.
        name: 'import-by-the-loader',
        renderChunk: (code) => code.replaceAll(DYNAMIC_IMPORT, 'importModule('),
      },
    ],
  });
  try {
    await bundled.write({
      file: join(folder, 'bundle.cjs'),
      format: 'cjs',
      codeSplitting: false,
      // Nest and the messages of the connector use the names of classes.
      keepNames: true,
      minify: { compress: false, mangle: false, codegen: { removeWhitespace: true } },
    });
  } finally {
    await bundled.close();
  }
  copyFileSync(LOADER, join(folder, 'connector.cjs'));
}

/** Writes the files that stand for those of the build. */
async function writeParts(folder: string): Promise<void> {
  const write = (path: string, code: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    const connector = `${'../'.repeat(path.split('/').length - 1) || './'}connector.cjs`;
    writeFileSync(join(folder, path), `import connector from '${connector}';\n${code}`);
  };
  for (const path of PROGRAMS) write(path, `connector['${path}']();\n`);
  for (const path of PACKAGES) {
    const list = `Object.keys(require('./connector.cjs')['${path}']()).join(', ')`;
    const { stdout: names } = await run(process.execPath, ['--print', list], { cwd: folder, env: {} });
    write(path, `export const { ${names.trim()} } = connector['${path}']();\n`);
  }
}

/** Runs a connector that does a bit of all that most specs ask for, and keeps what V8 compiles for it. */
async function compile(folder: string): Promise<void> {
  const { CommercetoolsEmulator, FluentEmulator, PrivateRedis } = (await import(
    join(BUILD, 'testing/index.js')
  )) as typeof import('../../src/testing/index.js');
  const redis = await PrivateRedis.start({ aof: false });
  const fluent = await new FluentEmulator().start();
  const commercetools = await new CommercetoolsEmulator().start();
  fluent.useReferenceMappings();
  commercetools.addOrder({ orderNumber: 'O_1' });
  const { id } = fluent.addOrder({ ref: 'O_1' });
  const updated = new Promise<void>((done) => {
    commercetools.intercept({ after: async ({ mutation }) => void (mutation && done()) });
  });
  try {
    const connector = await ConnectorProcess.start(
      {
        ...fluent.environment,
        ...commercetools.environment,
        REDIS_URL: redis.url,
        ADMIN_TOKEN: 'a'.repeat(32),
        KEEP_COMPILED_CODE: 'true',
      },
      undefined,
      { command: [process.execPath, join(folder, 'main.js')], cwd: process.cwd() },
    );
    fluent.webhookUrl = connector.webhookUrl;
    await fluent.move(id, 'BOOKED');
    await Promise.race([updated, connector.exitCode()]);
    await Promise.all(['/health', '/metrics'].map((path) => connector.status(path)));
    if ((await connector.stop()) !== 0) throw new Error(`the bundle does not work:\n${connector.output}`);
  } finally {
    await Promise.all([fluent.stop(), commercetools.stop(), redis.stop()]);
  }
}
