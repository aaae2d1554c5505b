import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { CommercetoolsEmulator, FluentEmulator, PrivateRedis } from '../src/testing/index.js';
import { agrees } from './support/agreement.js';
import { ConnectorProcess, type Launch } from './support/connector-process.js';
import { type BuiltImage, buildWithoutDocker } from './support/dockerfile.js';

const BUILD_MS = 600_000;
/** Only root may become somebody else, and PID 1 of a namespace of its own. */
const canIsolate = process.getuid?.() === 0 && spawnSync('unshare', ['-pf', 'true']).status === 0;

let folder: string;
let image: BuiltImage;
let app: string;
let redis: PrivateRedis;
let fluent: FluentEmulator;
let commercetools: CommercetoolsEmulator;
let running: number | undefined;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fluent-connector-image-'));
  image = await buildWithoutDocker(process.cwd(), folder);
  app = join(image.root, image.workdir);
  // Nobody may write, and everybody may read: what a read-only root file system is for the image's user.
  execFileSync('chmod', ['-R', 'a-w,a+rX', folder]);
  redis = await PrivateRedis.start({ aof: true });
  fluent = await new FluentEmulator().start();
  commercetools = await new CommercetoolsEmulator().start();
}, BUILD_MS);
afterAll(async () => {
  if (running !== undefined) process.kill(running, 'SIGKILL');
  await Promise.all([fluent?.stop(), commercetools?.stop(), redis?.stop()]);
  execFileSync('chmod', ['-R', 'u+w', folder]);
  rmSync(folder, { recursive: true, force: true });
});

/** As the container runtime would start it: the image's user, command and folder; PID 1. */
function launch(): Launch {
  const [program = '', ...args] = image.command;
  const identity = [`--reuid=${image.uid}`, `--regid=${image.gid}`, '--clear-groups', '--inh-caps=-all'];
  return canIsolate
    ? { cwd: app, command: ['unshare', '-pf', '--kill-child', 'setpriv', ...identity, program, ...args] }
    : { cwd: app, command: [program, ...args] };
}

/** @returns the connector's own process id as the surrounding system sees it. */
function innerPid({ pid }: ConnectorProcess): number {
  return canIsolate ? Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()) : pid;
}

function expectIsolated(pid: number, { uid }: BuiltImage): void {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  expect(status).toMatch(new RegExp(`^Uid:\\t${uid}\\t`, 'm'));
  expect(status).toMatch(/^NSpid:\t\d+\t1$/m);
}

describe('the image, built by the steps of its Dockerfile', () => {
  it('holds the build and the production dependencies, and nothing else', () => {
    expect(readdirSync(app).sort()).toEqual(['dist', 'node_modules', 'package.json']);
    const { dependencies } = JSON.parse(readFileSync(join(app, 'package.json'), 'utf8')) as Record<
      'dependencies',
      Record<string, string>
    >;
    const isThere = (name: string): boolean => existsSync(join(app, 'node_modules', name, 'package.json'));
    expect(Object.keys(dependencies).filter((name) => !isThere(name))).toEqual([]);
    expect(['typescript', 'vitest', 'oxlint', '@nestjs/cli'].filter(isThere)).toEqual([]);
  });

  it('does not hold the test kit, nor anything else that could install software', () => {
    expect(readdirSync(join(app, 'dist'))).toEqual(expect.arrayContaining(['main.js', 'cli', 'delivery']));
    expect(existsSync(join(app, 'dist', 'testing'))).toBe(false);
    const sources = readdirSync(join(app, 'dist'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.js'))
      .map((name) => readFileSync(join(app, 'dist', name), 'utf8'));
    expect(sources.filter((source) => /apt-get|spawnSync?\(|execFileSync\(/.test(source))).toEqual([]);
  });

  it('names its user by a number that is not root', () => {
    expect(image.uid).toBeGreaterThan(0);
    expect(image.gid).toBeGreaterThan(0);
  });

  const asWhom = canIsolate
    ? 'as its user and PID 1'
    : 'as the current user (root could also try user and PID 1)';
  it(`runs on a read-only tree ${asWhom}: shows an order, and ends with 0 on SIGTERM`, async () => {
    fluent.useReferenceMappings();
    commercetools.addOrder({ orderNumber: 'O_1' });
    const { id } = fluent.addOrder({ ref: 'O_1' });
    const connector = await ConnectorProcess.start(
      { REDIS_URL: redis.url, ...fluent.environment, ...commercetools.environment, ...image.env },
      undefined,
      launch(),
    );
    const pid = innerPid(connector);
    running = pid;
    if (canIsolate) expectIsolated(pid, image);
    fluent.webhookUrl = connector.webhookUrl;
    await fluent.walk(id, ['BOOKED']);
    await vi.waitFor(() => expect(agrees(commercetools.order('O_1'), 'BOOKED')).toBe(true), 10_000);

    process.kill(pid, 'SIGTERM');
    expect(await connector.exitCode()).toBe(0);
    running = undefined;
  });
});
