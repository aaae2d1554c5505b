import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { ConnectorProcess, type Launch } from '../support/connector-process.js';
import { type BuiltImage, buildWithoutDocker } from './dockerfile.js';
import { createIt } from '../support/harness.js';

/** Only root may become somebody else, and PID 1 of a namespace of its own. */
const canIsolate = process.getuid?.() === 0 && spawnSync('unshare', ['-pf', 'true']).status === 0;

const base = createIt();
base.override('redisOptions', { aof: true });

const it = base.extend('image', { scope: 'file' }, async ({}, { onCleanup }) => {
  const folder = mkdtempSync(join(tmpdir(), 'fluent-connector-image-'));
  onCleanup(() => {
    execFileSync('chmod', ['-R', 'u+w', folder]);
    rmSync(folder, { recursive: true, force: true });
  });
  const built = await buildWithoutDocker(process.cwd(), folder);
  // Nobody may write, and everybody may read: what a read-only root file system is for the image's user.
  execFileSync('chmod', ['-R', 'a-w,a+rX', folder]);
  return { ...built, app: join(built.root, built.workdir) };
});

/** As the container runtime would start it: the image's user, command and folder; PID 1. */
function launchOf(image: BuiltImage & { app: string }): Launch {
  const { app } = image;
  const [entrypoint = '', ...args] = image.command;
  const program = join(image.root, entrypoint);
  const identity = [`--reuid=${image.uid}`, `--regid=${image.gid}`, '--clear-groups', '--inh-caps=-all'];
  return canIsolate
    ? { cwd: app, command: ['unshare', '-pf', '--kill-child', 'setpriv', ...identity, program, ...args] }
    : { cwd: app, command: [program, ...args] };
}

/** @returns the process id that the connector has outside of its namespace. */
function outerPid({ pid }: ConnectorProcess): number {
  return canIsolate ? Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()) : pid;
}

/** @returns the room for young objects in MiB. Loading fills 32; the connector gives it back before it listens. */
async function youngMebibytes({ managementUrl }: ConnectorProcess): Promise<number> {
  const metrics = await (await fetch(`${managementUrl}/metrics`)).text();
  return Number(/^nodejs_heap_space_size_total_bytes\{space="new"\} (\d+)/m.exec(metrics)?.[1]) / 2 ** 20;
}

function expectIsolated(pid: number, { uid }: BuiltImage): void {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  expect(status).toMatch(new RegExp(`^Uid:\\t${uid}\\t`, 'm'));
  expect(status).toMatch(/^NSpid:\t\d+\t1$/m);
}

describe('the image, built by the steps of its Dockerfile', () => {
  it('holds the build and the production dependencies, and nothing else', ({ image: { app } }) => {
    expect(readdirSync(app).sort()).toEqual(['dist', 'node_modules', 'package.json']);
    const { dependencies } = JSON.parse(readFileSync(join(app, 'package.json'), 'utf8')) as Record<
      'dependencies',
      Record<string, string>
    >;
    const isThere = (name: string): boolean => existsSync(join(app, 'node_modules', name, 'package.json'));
    expect(Object.keys(dependencies).filter((name) => !isThere(name))).toEqual([]);
    expect(['typescript', 'vitest', 'oxlint', 'rolldown', '@nestjs/cli'].filter(isThere)).toEqual([]);
  });

  it('does not hold the test kit, nor anything else that could install software', ({ image: { app } }) => {
    expect(readdirSync(join(app, 'dist'))).toEqual(
      expect.arrayContaining(['bundle', 'main.js', 'cli', 'delivery']),
    );
    expect(existsSync(join(app, 'dist', 'testing'))).toBe(false);
    const sources = readdirSync(join(app, 'dist'), { recursive: true, encoding: 'utf8' })
      // Of the bundle, the other files are those of libraries.
      .filter((name) => name.endsWith('.js') && (!name.startsWith('bundle/') || name === 'bundle/main.js'))
      .map((name) => readFileSync(join(app, 'dist', name), 'utf8'));
    expect(sources.filter((source) => /apt-get|spawnSync?\(|execFileSync\(/.test(source))).toEqual([]);
  });

  it('begins with images that are named by digest, and ends with one that has no shell and no npm', ({
    image: { bases },
  }) => {
    for (const each of bases) expect(each).toMatch(/^[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}$/);
    expect(bases.at(-1)).toMatch(/^gcr\.io\/distroless\/nodejs\d+-debian\d+:nonroot@/);
  });

  it('runs no code of a package while it is installed', ({ image: { steps } }) => {
    const installing = steps.filter((step) => /\bnpm (ci|install|prune)\b/.test(step));
    expect(installing).not.toEqual([]);
    for (const step of installing) expect(step).toContain('--ignore-scripts');
  });

  it('runs the version of Node that it is built with and tested on, with a closed debugger and room for young objects', ({
    image: { bases, command, env },
  }) => {
    const [major] = process.versions.node.split('.');
    expect(bases[0]).toMatch(new RegExp(`^node:${major}\\.`));
    expect(bases.at(-1)).toContain(`/nodejs${major}-`);
    expect(command).toEqual([
      '/nodejs/bin/node',
      '--disable-sigusr1',
      '--max-semi-space-size=32',
      'dist/bundle/main.js',
    ]);
    expect(env).toMatchObject({ NODE_ENV: 'production', MALLOC_ARENA_MAX: '1' });
  });

  it('names its user by a number that is not root', ({ image }) => {
    expect(image.uid).toBeGreaterThan(0);
    expect(image.gid).toBeGreaterThan(0);
  });

  const asWhom = canIsolate
    ? 'as its user and PID 1'
    : 'as the current user (root could also try user and PID 1)';
  it(`runs on a read-only tree ${asWhom}, shows an order, and exits with 0 on SIGTERM`, async ({
    harness,
    image,
  }) => {
    const id = harness.addOrder('O_1');
    const connector = await harness.startConnector(
      { RECONCILE_INTERVAL: '300', ...image.env },
      launchOf(image),
    );
    const pid = outerPid(connector);
    if (canIsolate) expectIsolated(pid, image);
    await harness.fluent.walk(id, ['BOOKED']);
    await harness.expectAgreement('O_1', 'BOOKED');
    expect(await youngMebibytes(connector)).toBeLessThan(8);

    process.kill(pid, 'SIGTERM');
    expect(await connector.exitCode()).toBe(0);
  });
});
