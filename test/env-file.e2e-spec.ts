import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { buildPath } from './support/build-path.js';
import { COMPLETE_ENVIRONMENT } from './support/complete-environment.js';
import { ConnectorProcess } from './support/connector-process.js';
import { it as base } from './support/harness.js';

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: { start: string } };
/** The connector that was built here, started by that command in another folder. */
const inFolder = (cwd: string, command: string) => {
  const [, ...args] = command.replace('dist/main.js', buildPath('main.js')).split(' ');
  return { cwd, command: [process.execPath, ...args] as [string, ...string[]] };
};

const it = base
  .extend('folder', async ({}, { onCleanup }) => {
    const folder = await mkdtemp(join(tmpdir(), 'connector-env-file-'));
    onCleanup(() => rm(folder, { recursive: true }));
    return folder;
  })
  .extend('connectors', async ({}, { onCleanup }) => {
    const connectors: ConnectorProcess[] = [];
    onCleanup(async () => {
      await Promise.all(connectors.map((connector) => connector.kill()));
    });
    return connectors;
  });

describe('a file .env in the working directory', () => {
  it('is read by npm start, which need not find one', async ({ folder, connectors, redis }) => {
    const environment = { ...COMPLETE_ENVIRONMENT, REDIS_URL: redis.url };
    const withoutFile = await ConnectorProcess.start(environment, undefined, inFolder(folder, scripts.start));
    connectors.push(withoutFile);

    const lines = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    await writeFile(join(folder, '.env'), lines.join('\n'));
    const withFile = await ConnectorProcess.start({}, undefined, inFolder(folder, scripts.start));
    connectors.push(withFile);
    expect(await withFile.status('/health/ready')).toBe(200);
  });

  it('is not read by the connector itself', async ({ folder, connectors, redis }) => {
    await writeFile(join(folder, '.env'), 'FLUENT_BASE_URL=http://elsewhere.invalid\n');
    const environment = { ...COMPLETE_ENVIRONMENT, REDIS_URL: redis.url };
    const launch = inFolder(folder, 'node dist/main.js');
    const connector = await ConnectorProcess.start(environment, undefined, launch);
    connectors.push(connector);
    // It would warn of a connection without TLS.
    expect(await connector.json('/health')).toMatchObject({ details: { configuration: { status: 'up' } } });
  });

  it('is not read by the command line', async ({ folder }) => {
    await writeFile(join(folder, '.env'), 'FLUENT_ACCOUNT_ID=ACME\n');
    const errors = await new Promise<string>((done) => {
      const args = [buildPath('cli/main.js'), 'events', 'list'];
      execFile(process.execPath, args, { cwd: folder, env: {} }, (_error, _stdout, stderr) => done(stderr));
    });
    expect(errors).toContain('FLUENT_ACCOUNT_ID is required');
  });
});

it('a start with a wrong configuration prints the problems and nothing else', async () => {
  const { code, out, errors } = await new Promise<{ code: unknown; out: string; errors: string }>((done) => {
    execFile(process.execPath, [buildPath('main.js')], { env: {} }, (error, stdout, stderr) =>
      done({ code: error?.code, out: stdout, errors: stderr }),
    );
  });
  expect([code, out]).toEqual([1, '']);
  expect(errors).toMatch(/^The configuration has \d+ problems:\n- FLUENT_ACCOUNT_ID is required\n/);
});
