import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { freePort } from '../../src/testing/free-port.js';
import { provideRedisServer } from '../../src/testing/redis-server.js';
import {
  hasChartTools,
  helmTemplate,
  helmTemplateWithCluster,
  requireChartToolsInCi,
} from './chart-tools.js';
import { ClusterStub } from './cluster-stub.js';
import { type Manifest, ofKind } from './manifests.js';
import { SMALL } from './value-sets.js';
import { WAIT } from '../support/wait.js';

const NAME = 'rel-fluent-commercetools-connector-redis';

function bundled(password = ''): object {
  return { ...SMALL, redis: { bundled: { enabled: true, password } } };
}

function render(values: object): string {
  const { ok, text, output } = helmTemplate(values);
  if (!ok) throw new Error(output);
  return text;
}

function secretOf(rendered: string): Record<string, string> {
  return ofKind(rendered, 'Secret').find(({ metadata }) => metadata.name === NAME).stringData;
}

/** Starts Redis as the container would be, but for its folders and its port. */
async function startRedis(container: Manifest, secret: Record<string, string>): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'fluent-connector-bundled-redis-'));
  writeFileSync(join(folder, 'redis.conf'), secret['redis.conf'] ?? '');
  const port = await freePort();
  const args = (container.args as string[])
    .slice(1)
    .map((arg) => arg.replace('/etc/redis', folder).replace('/data', folder));
  const server: ChildProcess = spawn(
    provideRedisServer(),
    [...args, '--port', String(port), '--bind', '127.0.0.1'],
    { stdio: 'ignore' },
  );
  onTestFinished(async () => {
    server.kill();
    await once(server, 'exit');
    rmSync(folder, { recursive: true, force: true });
  });
  return port;
}

requireChartToolsInCi();

describe.skipIf(!hasChartTools)('the bundled Redis', () => {
  it('answers nobody without the password, and the connector by its REDIS_URL', async () => {
    const rendered = render(bundled());
    const secret = secretOf(rendered);
    const [{ spec }] = ofKind(rendered, 'StatefulSet');
    const [container] = spec.template.spec.containers;
    const port = await startRedis(container, secret);

    const url = secret['REDIS_URL']!.replace(`${NAME}:6379`, `127.0.0.1:${port}`);
    const connector = new Redis(url, { lazyConnect: true, retryStrategy: () => 50 });
    const stranger = new Redis(port, '127.0.0.1', { lazyConnect: true });
    onTestFinished(() => {
      connector.disconnect();
      stranger.disconnect();
    });
    // Until Redis listens, and of the stranger always: the promises below tell.
    for (const client of [connector, stranger]) client.on('error', () => undefined);
    await vi.waitFor(async () => expect(await connector.ping()).toBe('PONG'), WAIT);
    await expect(stranger.set('a', 'b')).rejects.toThrow(/NOAUTH/);

    const [cli = '', ...probe] = container.readinessProbe.exec.command as string[];
    expect(container.env).toEqual([
      { name: 'REDISCLI_AUTH', valueFrom: { secretKeyRef: { name: NAME, key: 'password' } } },
    ]);
    const ask = async (password: string): Promise<string> => {
      const env = { ...process.env, REDISCLI_AUTH: password };
      const { stdout } = await promisify(execFile)(cli, ['-p', String(port), ...probe], { env });
      return stdout;
    };
    expect(await ask(secret['password']!)).toBe('PONG\n');
    await expect(ask('wrong')).rejects.toThrow(/WRONGPASS|NOAUTH|Command failed/);
  });

  it('gives its password to Redis and the connector alone, as files of a Secret', () => {
    const rendered = render(bundled());
    const { password } = secretOf(rendered);
    expect(password).toMatch(/^[A-Za-z0-9]{32}$/);
    expect(rendered.split(password!)).toHaveLength(4);

    const [{ spec }] = ofKind(rendered, 'Deployment');
    const { containers, volumes } = spec.template.spec;
    const [{ env, volumeMounts }] = containers;
    const { value } = env.find(({ name }: Manifest) => name === 'REDIS_URL_FILE');
    const mount = volumeMounts.find(({ mountPath }: Manifest) => value === `${mountPath}/REDIS_URL`);
    const volume = volumes.find(({ name }: Manifest) => name === mount.name);
    expect(volume.secret).toMatchObject({
      secretName: NAME,
      items: [{ key: 'REDIS_URL', path: 'REDIS_URL' }],
    });
  });

  it('generates another password for each release', () => {
    // The same values would be rendered once.
    const [one, other] = [5, 6].map((count) =>
      render({ ...bundled(), podAnnotations: { release: String(count) } }),
    );
    expect(secretOf(one!)['password']).not.toBe(secretOf(other!)['password']);
  });

  it('keeps the generated password over upgrades, and takes a given one', async () => {
    const cluster = await ClusterStub.start({
      [`/api/v1/namespaces/shop/secrets/${NAME}`]: {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: NAME, namespace: 'shop' },
        data: { password: Buffer.from('theOneOfTheCluster').toString('base64') },
      },
    });
    onTestFinished(() => cluster.stop());
    const passwordOf = async (values: object): Promise<string | undefined> => {
      const { ok, text, output } = await helmTemplateWithCluster(values, cluster.url);
      expect(ok, output).toBe(true);
      return secretOf(text)['password'];
    };
    expect(await passwordOf(bundled())).toBe('theOneOfTheCluster');
    expect(await passwordOf(bundled('theOneOfTheOperator'))).toBe('theOneOfTheOperator');
  });

  it('starts anew, together with the connector, when another password is given', () => {
    const annotationsOf = (password: string): unknown[] => {
      const rendered = render(bundled(password));
      return [...ofKind(rendered, 'StatefulSet'), ...ofKind(rendered, 'Deployment')].map(
        ({ spec }) => spec.template.metadata.annotations,
      );
    };
    const [before, after] = [annotationsOf('a'.repeat(16)), annotationsOf('b'.repeat(16))];
    expect(before).toHaveLength(2);
    for (const [index, annotations] of before.entries()) expect(after[index]).not.toEqual(annotations);
  });

  it('lets KEDA ask with the password', () => {
    const rendered = render({ ...bundled(), keda: { enabled: true, trigger: 'redis' } });
    const [{ spec }] = ofKind(rendered, 'ScaledObject');
    const [authentication] = ofKind(rendered, 'TriggerAuthentication');
    expect(spec.triggers[0].authenticationRef).toEqual({ name: authentication.metadata.name });
    expect(authentication.spec.secretTargetRef).toEqual([
      { parameter: 'password', name: NAME, key: 'password' },
    ]);
  });
});
