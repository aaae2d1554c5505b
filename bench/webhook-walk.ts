import { readFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type * as Testing from '../src/testing/index.js';

/**
 * Prints the source files whose functions run while one webhook becomes an update, from V8's coverage of the built
 * connector: `npm run walk`. Only files that run for each of several webhooks count: timers run beside any one of them.
 * The files that CONTRIBUTING.md draws come first.
 *
 * @throws Error when one of the drawn files does not run.
 */
const DIST = new URL('../dist/', import.meta.url);
const DRAWING = new URL('../CONTRIBUTING.md', import.meta.url);
const { createTestConnector } = (await import(new URL('testing/index.js', DIST).href)) as typeof Testing;

const drawn = drawnFiles(readFileSync(DRAWING, 'utf8'));
const connector = await createTestConnector();
const session = new Session();
session.connect();
try {
  // Tokens, settings and connections are there already.
  await update('WARM_UP');
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true });
  const walks: Set<string>[] = [];
  for (const ref of ['FIRST', 'SECOND', 'THIRD']) {
    await session.post('Profiler.takePreciseCoverage');
    await update(ref);
    walks.push(await filesThatRan());
  }
  const files = [...(walks[0] ?? [])].filter((file) => walks.every((walk) => walk.has(file))).toSorted();
  const missing = drawn.filter((file) => !files.includes(file));
  if (missing.length > 0)
    throw new Error(`CONTRIBUTING.md draws files that do not run: ${missing.join(', ')}`);
  const helpers = files.filter((file) => !drawn.includes(file));
  process.stdout.write(
    `${drawn.length} files hand a webhook on:\n${drawn.join('\n')}\n\n` +
      `${helpers.length} helpers that they call:\n${helpers.join('\n')}\n`,
  );
} finally {
  session.disconnect();
  await connector.stop();
}

/** @returns the files in the drawing of a webhook's way, in its order, each one once. */
function drawnFiles(contributing: string): string[] {
  const drawing = /### The way of a webhook[^]*?```\n([^]*?)```/.exec(contributing)?.[1] ?? '';
  const files = drawing.matchAll(/^[ │├└─]+((?:[\w-]+\/)+[\w.-]+)/gm);
  return [...new Set(Array.from(files, ([, file]) => `${file}.ts`))];
}

/** @returns the files of which a function has run since the last call, without the test kit. */
async function filesThatRan(): Promise<Set<string>> {
  const { result } = await session.post('Profiler.takePreciseCoverage');
  const files = result
    .filter(({ url, functions }) => url.startsWith(DIST.href) && functions.some(hasRun))
    .map(({ url }) => fileURLToPath(url).slice(fileURLToPath(DIST).length).replace(/\.js$/, '.ts'));
  return new Set(
    files.map((file) => file.replaceAll(sep, '/')).filter((path) => !path.startsWith('testing/')),
  );
}

async function update(ref: string): Promise<void> {
  const { fluent } = connector.addOrder({ ref });
  await connector.fluent.move(fluent.id, 'BOOKED');
  await connector.settled();
}

/** A module's own code runs when it is loaded; its functions have names. */
function hasRun({ functionName, ranges }: { functionName: string; ranges: { count: number }[] }): boolean {
  return functionName !== '' && (ranges[0]?.count ?? 0) > 0;
}
