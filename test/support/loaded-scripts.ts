import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** @returns the URLs of the files that processes have loaded, by the record that Node wrote to `NODE_V8_COVERAGE`. */
export async function loadedScripts(coverage: string): Promise<readonly string[]> {
  const reports = await readdir(coverage);
  const urls = await Promise.all(
    reports.map(async (report) => {
      const { result } = JSON.parse(await readFile(join(coverage, report), 'utf8')) as {
        result: readonly { readonly url: string }[];
      };
      return result.map(({ url }) => url).filter((url) => url.startsWith('file:'));
    }),
  );
  return urls.flat();
}
