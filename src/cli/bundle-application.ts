import { readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, extname, join, relative, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Plugin } from 'rolldown';
import { PACKAGE_NAME } from '../package-info.js';
import { UsageError } from './console.js';

/** What {@link bundleApplication} wrote. */
export interface Bundle {
  /** The file to start, in place of the one that was bundled. */
  readonly main: string;
  /** How many files the bundle consists of, and their bytes together. */
  readonly files: number;
  readonly bytes: number;
  /** How many files of the application and of its libraries are in them. */
  readonly modules: number;
}

/** From this size on, a package becomes a file by itself, together with what it imports. */
const MIN_PACKAGE_BYTES = 200 * 1024;
const PACKAGE = /^.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//;
/** What a module reads to find files beside it, and what it reads in a bundle: functions, which are there before all else. */
const LOCATIONS = {
  'import.meta.url': '__moduleUrl()',
  'import.meta.dirname': '__moduleFolder()',
  'import.meta.filename': '__moduleFile()',
  __dirname: '__moduleFolder()',
  __filename: '__moduleFile()',
};
const READS_LOCATION = new RegExp(Object.keys(LOCATIONS).join('|').replaceAll('.', '\\.'));
/** Where each file of the bundle is. */
const BANNER = 'const { url: __bundleUrl, dirname: __bundleFolder } = import.meta;';

/**
 * Writes a built application and its libraries into a few files, in the folder `bundle` beside the application's main file. A
 * process that starts from them compiles less, and the text and the module records of fewer files stay in its memory.
 *
 * What is not code, for example Lua scripts and pages, is read from where it was. So the build and `node_modules` must stay.
 *
 * @param main the compiled file that starts the application, absolute.
 * @throws UsageError when rolldown is not installed beside the application.
 */
export async function bundleApplication(main: string): Promise<Bundle> {
  const [{ rolldown }, { minify }] = await loadRolldown(main);
  const folder = join(dirname(main), 'bundle');
  const name = basename(main, extname(main));
  const bundle = await rolldown({
    input: { [name]: main },
    platform: 'node',
    // Nest asks for optional packages that are not installed.
    logLevel: 'silent',
    transform: { define: { 'process.env.NODE_ENV': '"production"', ...LOCATIONS } },
    plugins: [keepLocations(folder), minifyLibraries(minify)],
  });
  try {
    await rm(folder, { recursive: true, force: true });
    const { output } = await bundle.write({
      dir: folder,
      format: 'esm',
      banner: BANNER,
      comments: false,
      // Nest and the messages of the connector use the names of classes.
      keepNames: true,
      // V8 needs a multiple of a file's size to compile it, and gives little of that back. Each file of a package holds what
      // the package imports, so no two files import each other.
      codeSplitting: {
        groups: [
          { name: libraryOf, tags: ['$initial'], minSize: MIN_PACKAGE_BYTES, priority: 1 },
          { name: (path) => libraryOf(path) && 'libraries', tags: ['$initial'] },
        ],
      },
    });
    const paths = output.map(({ fileName }) => join(folder, fileName));
    const sizes = await Promise.all(paths.map(toAscii));
    return {
      main: join(folder, `${name}.js`),
      files: output.length,
      bytes: sizes.reduce((sum, size) => sum + size, 0),
      modules: output.reduce((sum, each) => sum + (each.type === 'chunk' ? each.moduleIds.length : 0), 0),
    };
  } finally {
    await bundle.close();
  }
}

type Rolldown = typeof import('rolldown');
type RolldownUtils = typeof import('rolldown/utils');

/** Loads the rolldown of the application: a dependency would be in its image, too. */
async function loadRolldown(main: string): Promise<[Rolldown, RolldownUtils]> {
  const { resolve } = createRequire(main);
  const load = async <T>(name: string): Promise<T> => (await import(pathToFileURL(resolve(name)).href)) as T;
  try {
    return await Promise.all([load<Rolldown>('rolldown'), load<RolldownUtils>('rolldown/utils')]);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    throw new UsageError(
      'bundling needs rolldown: install it where the application is built (npm install --save-dev rolldown)',
    );
  }
}

/** @returns the name for the file of a library, and `null` for files of the application and of the connector. */
function libraryOf(path: string): string | null {
  const name = PACKAGE.exec(path)?.[1];
  return name === undefined || name === PACKAGE_NAME ? null : name.replace('@', '').replace('/', '-');
}

/** Lets modules find what is beside their original files. */
function keepLocations(folder: string): Plugin {
  const from = (path: string): string => relative(folder, path).split(sep).join('/');
  return {
    name: 'keep-locations',
    transform: (code, id) => {
      if (!READS_LOCATION.test(code)) return undefined;
      const [url, beside, file] = [from(id), `/${from(dirname(id))}`, `/${from(id)}`].map((path) =>
        JSON.stringify(path),
      );
      // At the end, so that `'use strict'` stays at the beginning.
      return [
        code,
        `function __moduleUrl() { return new URL(${url}, __bundleUrl).href; }`,
        `function __moduleFolder() { return __bundleFolder + ${beside}; }`,
        `function __moduleFile() { return __bundleFolder + ${file}; }`,
      ].join('\n');
    },
  };
}

/** Leaves the application readable: the stack of an error shows its lines and names. */
function minifyLibraries(minify: RolldownUtils['minify']): Plugin {
  return {
    name: 'minify-libraries',
    renderChunk: async (code, { moduleIds, fileName }) => {
      if (moduleIds.some((id) => libraryOf(id) === null)) return undefined;
      const { code: minified, errors } = await minify(fileName, code, {
        module: true,
        compress: { keepNames: { function: true, class: true } },
        mangle: { keepNames: true, toplevel: true },
        codegen: { removeWhitespace: true, legalComments: 'none' },
      });
      const [error] = errors;
      if (error) throw new Error(`${fileName} cannot be minified: ${error.message}`);
      return minified;
    },
  };
}

/** V8 keeps a text with one character beyond Latin-1 in twice the memory. @returns the bytes of the file. */
async function toAscii(path: string): Promise<number> {
  const code = (await readFile(path, 'utf8')).replaceAll(
    /[^\0-\x7f]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  await writeFile(path, code);
  return code.length;
}
