import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished } from 'vitest';
import { ADMIN_TOKEN } from './support/admin-client.js';
import { runCommand } from './support/command-line.js';
import { createIt } from './support/harness.js';
import { loadedScripts } from './support/loaded-scripts.js';
import { startLocalServer } from './support/local-server.js';
import { WAIT } from './support/wait.js';

interface Bundle {
  readonly main: string;
  readonly files: number;
  readonly bytes: number;
  readonly modules: number;
}

const base = createIt();
const it = base
  /** A copy of the build, as an image has it. */
  .extend('application', { scope: 'file' }, async ({}, { onCleanup }) => {
    const folder = mkdtempSync(join(tmpdir(), 'fluent-connector-bundle-'));
    onCleanup(() => rmSync(folder, { recursive: true, force: true }));
    cpSync('dist', join(folder, 'dist'), { recursive: true, filter: (path) => !path.endsWith('/bundle') });
    cpSync('package.json', join(folder, 'package.json'));
    symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
    return folder;
  })
  .extend('bundle', { scope: 'file' }, async ({ application }) => {
    const result = await runCommand(['bundle', join(application, 'dist/main.js'), '--json']);
    expect(result).toMatchObject({ code: 0, error: '' });
    return JSON.parse(result.out) as Bundle;
  });

describe('bundle', () => {
  it('puts thousands of files into a few, which hold ASCII alone', ({ bundle: { main, ...bundle } }) => {
    const folder = resolve(main, '..');
    const files = readdirSync(folder);
    expect(bundle.modules).toBeGreaterThan(2000);
    expect(files).toHaveLength(bundle.files);
    expect(files.length).toBeLessThan(60);
    const texts = files.map((file) => readFileSync(join(folder, file), 'utf8'));
    expect(texts.map(({ length }) => length).reduce((sum, size) => sum + size, 0)).toBe(bundle.bytes);
    // V8 needs twice the memory for any other text.
    expect(files.filter((_, at) => /[^\0-\x7f]/.test(texts[at] ?? ''))).toEqual([]);
    // The stack of an error shows lines and names of the application.
    expect(readFileSync(main, 'utf8')).toMatch(/\n\tasync \w+\(/);
  });

  it('makes a connector that reads no other code, and syncs, traces and serves its pages', async ({
    harness,
    application,
    bundle: { main },
  }) => {
    await using collector = await startLocalServer(() => ({ json: {} }));
    const coverage = join(application, 'coverage');
    const id = harness.addOrder('O_1');
    const connector = await harness.startConnector(
      {
        ADMIN_TOKEN,
        NODE_V8_COVERAGE: coverage,
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
        OTEL_BSP_SCHEDULE_DELAY: '100',
      },
      { command: [process.execPath, resolve(main)], cwd: application },
    );
    await harness.fluent.walk(id, ['BOOKED']);
    await harness.expectAgreement('O_1', 'BOOKED');
    await expect.poll(() => collector.requests.length, WAIT).toBeGreaterThan(0);
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
    for (const page of ['/admin', '/admin/openapi.json', '/admin/orders/O_1', '/metrics', '/health']) {
      const { status } = await fetch(`${connector.managementUrl}${page}`, { headers });
      expect([page, status]).toEqual([page, 200]);
    }
    expect(await connector.stop()).toBe(0);

    const folder = resolve(main, '..');
    const scripts = (await loadedScripts(coverage)).map((url) => fileURLToPath(url));
    expect(scripts).toContain(resolve(main));
    expect(scripts.filter((path) => !path.startsWith(`${folder}/`))).toEqual([]);
  });

  it('replaces an earlier bundle', async ({ application, bundle }) => {
    const left = join(application, 'dist/bundle/left.js');
    writeFileSync(left, '');
    const { out } = await runCommand(['bundle', join(application, 'dist/main.js')]);
    expect(out).toContain(`dist/bundle/main.js: ${bundle.modules} files of the application`);
    expect(existsSync(left)).toBe(false);
  });

  it('lets modules find their files, and leaves texts alone that name the same', async ({ application }) => {
    const folder = join(application, 'app');
    mkdirSync(join(folder, 'built'), { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    writeFileSync(join(folder, 'built/old.cjs'), `'use strict';\nmodule.exports = [__dirname, '__dirname'];`);
    writeFileSync(
      join(folder, 'built/app.js'),
      `import { resolve } from 'node:path';
      import old from './old.cjs';
      const [beside, text] = old;
      const found = [import.meta.url, resolve(beside), resolve(import.meta.filename), text, "import.meta.url"];
      console.log(JSON.stringify(found));`,
    );
    const { code } = await runCommand(['bundle', join(folder, 'built/app.js')]);
    expect(code).toBe(0);
    const run = (file: string): unknown =>
      JSON.parse(execFileSync(process.execPath, [join(folder, 'built', file)], { encoding: 'utf8' }));
    expect(run('bundle/app.js')).toEqual(run('app.js'));
  });

  it('names the file when the application is not built', async () => {
    const { code, error } = await runCommand(['bundle', 'dist/no-main.js']);
    expect(code).toBe(2);
    expect(error).toBe('error: dist/no-main.js does not exist; build the application first\n');
  });

  it('says what to install where the application has no rolldown', async ({ application }) => {
    const folder = mkdtempSync(join(tmpdir(), 'fluent-connector-no-rolldown-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    cpSync(join(application, 'dist/main.js'), join(folder, 'main.js'));
    const { code, error } = await runCommand(['bundle', join(folder, 'main.js')]);
    expect(code).toBe(2);
    expect(error).toContain('npm install --save-dev rolldown');
    expect(readdirSync(folder)).toEqual(['main.js']);
  });
});
