import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { CHART, CHART_TOOLS_BIN, actionlint, hasChartTools } from './chart-tools.js';
import type { Manifest } from './manifests.js';

const WORKFLOWS = readdirSync('.github/workflows').map((name) => join('.github/workflows', name));
const PARTS = ['package.json', 'package-lock.json', 'CHANGELOG.md', '.ci', 'create', CHART];
const NOTES = resolve('.ci/release-notes.mjs');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fluent-connector-release-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** @returns a git repository with what has a version in it. */
function repository(name: string): string {
  const path = join(folder, name);
  mkdirSync(path);
  for (const part of PARTS) cpSync(part, join(path, part), { recursive: true });
  run(path, 'git', 'init', '--quiet');
  run(path, 'git', 'add', '.');
  run(path, 'git', '-c', 'user.name=test', '-c', 'user.email=test@example.com', 'commit', '-qm', 'test');
  return path;
}

function run(cwd: string, command: string, ...args: string[]): { status: number | null; output: string } {
  const PATH = `${CHART_TOOLS_BIN}:${process.env['PATH']}`;
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, PATH },
  });
  if (error) throw error;
  return { status, output: stdout + stderr };
}

function versionsOf(path: string): unknown[] {
  const read = (file: string): string => readFileSync(join(path, file), 'utf8');
  const chart: Manifest = parse(read(`${CHART}/Chart.yaml`));
  const lock: Manifest = JSON.parse(read('package-lock.json'));
  const { version }: Manifest = JSON.parse(read('package.json'));
  const create: Manifest = JSON.parse(read('create/package.json'));
  return [version, create.version, lock.version, lock.packages[''].version, chart.version, chart.appVersion];
}

describe('a release', () => {
  it('has one version everywhere', () => {
    expect(new Set(versionsOf('.')).size).toBe(1);
  });

  it('moves every version by `npm version`', () => {
    const path = repository('moved');
    const { status, output } = run(path, 'npm', 'version', '7.8.9-rc.1', '--no-git-tag-version');
    expect(status, output).toBe(0);
    expect(new Set(versionsOf(path))).toEqual(new Set(['7.8.9-rc.1']));
    expect(run(path, 'git', 'diff', '--cached', '--name-only').output).toContain(`${CHART}/Chart.yaml`);
  });

  it('takes its notes from the changelog, and is refused when a version or the notes are missing', () => {
    const path = repository('noted');
    const { version }: Manifest = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'));
    const changelog = `# Changelog\n\n## [${version}] - 2026-01-01\n\n- A change.\n\n## [0.0.1]\n\n- Older.\n`;
    writeFileSync(join(path, 'CHANGELOG.md'), changelog);
    expect(run(path, 'node', NOTES, `v${version}`)).toEqual({ status: 0, output: '- A change.\n' });

    expect(run(path, 'node', NOTES, 'v99.0.0')).toMatchObject({ status: 1 });
    expect(run(path, 'node', NOTES).output).toContain('CHANGELOG.md says nothing about Unreleased');
    const chart = join(path, CHART, 'Chart.yaml');
    writeFileSync(chart, readFileSync(chart, 'utf8').replace(/^appVersion: .*$/m, 'appVersion: 0.0.1'));
    expect(run(path, 'node', NOTES, `v${version}`)).toMatchObject({
      status: 1,
      output: expect.stringContaining('Chart.yaml appVersion is 0.0.1'),
    });
  });

  it.skipIf(!hasChartTools)('packages a chart that installs the released image by its digest', () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    const { status, output } = run(
      '.',
      '.ci/package-chart',
      'registry.example.com/connector',
      digest,
      folder,
    );
    expect(status, output).toBe(0);
    const values = run('.', 'helm', 'show', 'values', output.trim()).output;
    expect(parse(values).image).toMatchObject({ repository: 'registry.example.com/connector', digest });
    // The bundled Redis keeps its own.
    expect(parse(values).redis.bundled.image).toBe(
      parse(readFileSync(`${CHART}/values.yaml`, 'utf8')).redis.bundled.image,
    );
  });
});

describe('the lock file', () => {
  const check = (path?: string): ReturnType<typeof run> =>
    run('.', 'node', '.ci/lock.mjs', ...(path === undefined ? [] : [path]));

  it('vouches for every package with its integrity, and holds no addresses', () => {
    const { status, output } = check();
    expect(status, output).toBe(0);
  });

  it.each<[string, (entry: Manifest) => void, string]>([
    ['has no integrity', (entry) => delete entry.integrity, 'has no SHA-512 integrity'],
    ['has a weak integrity', (entry) => (entry.integrity = 'sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk='), 'SHA-512'],
    ['has an address', (entry) => (entry.resolved = 'https://packages.example.com/bull.tgz'), 'an address'],
  ])('is refused when a package %s', (_name, change, message) => {
    const lock: Manifest = JSON.parse(readFileSync('package-lock.json', 'utf8'));
    change(lock.packages['node_modules/bull']);
    const path = join(folder, 'package-lock.json');
    writeFileSync(path, JSON.stringify(lock));
    const { status, output } = check(path);
    expect(status).toBe(1);
    expect(output).toContain(message);
    expect(output).toContain('node_modules/bull');
  });
});

describe('the workflows', () => {
  it.skipIf(!hasChartTools)('are what GitHub accepts', () => {
    const { ok, output } = actionlint(WORKFLOWS);
    expect(ok, output).toBe(true);
    // It finds what it should find.
    const broken =
      'on: push\njobs: { a: { runs-on: ubuntu-latest, steps: [{ run: "${{ nothing.x }}" }] } }\n';
    expect(actionlint(['-'], broken).ok).toBe(false);
  });

  it.each(WORKFLOWS)('names each action by its commit: %s', (path) => {
    const uses = [...readFileSync(path, 'utf8').matchAll(/uses: (.*)$/gm)].map(([, action = '']) => action);
    const foreign = uses.filter((action) => !action.startsWith('./'));
    expect(foreign).not.toEqual([]);
    for (const action of foreign) expect(action).toMatch(/^[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  it('run scripts that exist', () => {
    const scripts = WORKFLOWS.flatMap((path) =>
      [...readFileSync(path, 'utf8').matchAll(/\.ci\/[\w.-]+/g)].map(([script]) => script),
    );
    expect(readdirSync('.ci').map((name) => `.ci/${name}`)).toEqual(expect.arrayContaining(scripts));
  });

  it('upload nothing unless a tag is released', () => {
    const { jobs }: Manifest = parse(readFileSync('.github/workflows/release.yml', 'utf8'));
    const uploads =
      /docker buildx build --push|helm push|npm publish --provenance|gh release create|cosign sign/;
    const uploading = Object.entries<Manifest>(jobs).flatMap(([name, job]) =>
      (job.steps ?? [])
        .filter(({ run: script }: Manifest) => uploads.test(script ?? ''))
        .map((step: Manifest) => [name, step.if ?? job.if] as const),
    );
    expect(new Set(uploading.map(([name]) => name))).toEqual(
      new Set(['image', 'chart', 'npm', 'github-release']),
    );
    for (const [name, condition] of uploading) expect(condition, name).toBe("github.ref_type == 'tag'");
  });
});
