import { existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { rolldown } from 'rolldown';

const BUILD = 'dist';
const BUNDLES = 'build/bundled-connector';
/** What modules read to find files beside them. */
const LOCATION = /(?<![\w$.])(?:import\.meta\.url|__dirname)\b/g;

/**
 * Bundles the build with its libraries, and lets the connector and command line processes of the specs start from the
 * bundle. A start from the build loads some 2,700 files, which takes more than half of its CPU time, and the specs start
 * dozens of processes.
 */
export default async function setup(): Promise<void> {
  if (!existsSync(join(BUILD, 'main.js'))) throw new Error(`${BUILD}/main.js is missing; run: npm run build`);
  const folder = join(BUNDLES, String(newestChangeMs()));
  if (!existsSync(folder)) {
    rmSync(BUNDLES, { recursive: true, force: true });
    const unfinished = `${folder}-of-${process.pid}`;
    await bundle(unfinished);
    renameSync(unfinished, folder);
  }
  process.env['CONNECTOR_MAIN'] = join(folder, 'main.js');
  process.env['CONNECTOR_COMMAND_LINE'] = join(folder, 'command-line.js');
}

function newestChangeMs(): number {
  const built = readdirSync(BUILD, { recursive: true, encoding: 'utf8' }).map((path) => join(BUILD, path));
  return Math.max(
    ...[...built, 'package-lock.json', import.meta.filename].map((path) => statSync(path).mtimeMs),
  );
}

async function bundle(folder: string): Promise<void> {
  const bundled = await rolldown({
    input: { main: join(BUILD, 'main.js'), 'command-line': join(BUILD, 'cli/main.js') },
    platform: 'node',
    // Nest asks for optional packages that are not installed.
    logLevel: 'silent',
    plugins: [
      {
        name: 'keep-locations',
        transform: (code, id) =>
          code.replaceAll(LOCATION, (name) =>
            JSON.stringify(name === '__dirname' ? dirname(id) : pathToFileURL(id).href),
          ),
      },
    ],
  });
  try {
    // Nest and the messages of the connector use the names of classes.
    await bundled.write({ dir: folder, keepNames: true });
  } finally {
    await bundled.close();
  }
}
