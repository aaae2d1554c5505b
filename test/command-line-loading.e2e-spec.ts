import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateWebhookKeys } from '../src/testing/index.js';
import { loadedScripts } from './support/loaded-scripts.js';

const ROOT = pathToFileURL(resolve('dist')).href;
const NEST = 'node_modules/@nestjs/';

// Each test starts processes.
describe('the command line loads the code of the command alone', { timeout: 120_000 }, () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'command-line-loading-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  /** @returns the scripts that a command has loaded, by Node's own record of them. */
  async function scriptsOf(...args: string[]): Promise<readonly string[]> {
    const coverage = await mkdtemp(join(folder, 'scripts-'));
    await new Promise<void>((done) => {
      const env = { PATH: process.env['PATH'], NODE_V8_COVERAGE: coverage, ADMIN_TOKEN: 'a-token' };
      execFile(process.execPath, ['dist/cli/main.js', ...args], { env }, () => done());
    });
    return loadedScripts(coverage);
  }

  const ofNest = (scripts: readonly string[]) => scripts.filter((url) => url.includes(NEST));
  const ours = (scripts: readonly string[]) => scripts.filter((url) => url.startsWith(ROOT));

  it('and so neither Nest nor the connector for help and for a signature', async () => {
    const [notification, key] = [join(folder, 'notification.json'), join(folder, 'key.pem')];
    await writeFile(notification, '{}');
    await writeFile(key, generateWebhookKeys().privateKey);
    for (const args of [
      ['--help'],
      ['dead-letters', '--help'],
      ['webhook', 'sign', notification, '--key', key],
    ]) {
      const scripts = await scriptsOf(...args);
      expect(ofNest(scripts), args.join(' ')).toEqual([]);
      expect(ours(scripts)).toContain(`${ROOT}/cli/run.js`);
      expect(ours(scripts).length).toBeLessThan(20);
    }
  });

  it('and so not the application for a request to a running connector', async () => {
    const scripts = await scriptsOf('order', 'O_1', '--url', 'http://127.0.0.1:9');
    expect(ours(scripts)).toContain(`${ROOT}/cli/commands/order.js`);
    expect(ours(scripts)).not.toContain(`${ROOT}/connector.module.js`);
  });

  it('and so the application when the command needs it', async () => {
    const scripts = await scriptsOf('doctor', '--help');
    expect(ofNest(scripts)).not.toEqual([]);
    expect(ours(scripts)).toContain(`${ROOT}/connector.module.js`);
  });
});
