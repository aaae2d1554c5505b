import { Session } from 'node:inspector/promises';
import { sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type * as Testing from '../src/testing/index.js';

/**
 * Prints the source files whose functions run while one webhook becomes an update, from V8's coverage of the built
 * connector: `npm run walk`. Only files that run for each of several webhooks count: timers run beside any one of them.
 */
const DIST = new URL('../dist/', import.meta.url);
const { createTestConnector } = (await import(new URL('testing/index.js', DIST).href)) as typeof Testing;

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
  const folders = new Set(files.filter((path) => path.includes(sep)).map((path) => path.split(sep)[0]));
  process.stdout.write(`${files.join('\n')}\n${files.length} files in ${folders.size} folders of src\n`);
} finally {
  session.disconnect();
  await connector.stop();
}

/** @returns the files of which a function has run since the last call, without the test kit. */
async function filesThatRan(): Promise<Set<string>> {
  const { result } = await session.post('Profiler.takePreciseCoverage');
  const files = result
    .filter(({ url, functions }) => url.startsWith(DIST.href) && functions.some(hasRun))
    .map(({ url }) => fileURLToPath(url).slice(fileURLToPath(DIST).length).replace(/\.js$/, '.ts'));
  return new Set(files.filter((path) => !path.startsWith(`testing${sep}`)));
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
