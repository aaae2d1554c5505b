import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CommercetoolsEmulator, FluentEmulator, PrivateRedis } from '../../src/testing/index.js';
import { hasChartTools, helmTemplate, requireChartToolsInCi } from './chart-tools.js';
import { type Manifest, ofKind } from './manifests.js';

const PAYMENT = 'fc.connect.commerce-tools.order.payment-status-mapping';

requireChartToolsInCi();

// Each run of the command loads the whole connector.
describe.skipIf(!hasChartTools)('doctor in the cluster', { timeout: 180_000 }, () => {
  let folder: string;
  let redis: PrivateRedis;
  let fluent: FluentEmulator;
  let commercetools: CommercetoolsEmulator;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'fluent-connector-doctor-'));
    redis = await PrivateRedis.start();
  });
  afterAll(async () => {
    await redis.stop();
    rmSync(folder, { recursive: true });
  });
  beforeEach(async () => {
    fluent = await new FluentEmulator().start();
    fluent.useReferenceMappings();
    commercetools = await new CommercetoolsEmulator().start();
  });
  afterEach(() => Promise.all([fluent.stop(), commercetools.stop()]));

  /** The values of an installation that uses the emulators. */
  function values(doctor: object, more: object = {}): object {
    const { FLUENT_ACCOUNT_ID, FLUENT_BASE_URL, FLUENT_RETAILER_IDS } = fluent.environment;
    const { CTP_PROJECT_KEY, CTP_AUTH_URL, CTP_API_URL } = commercetools.environment;
    return {
      fluent: {
        accountId: FLUENT_ACCOUNT_ID,
        retailerIds: [FLUENT_RETAILER_IDS],
        baseUrl: FLUENT_BASE_URL,
      },
      commercetools: { projectKey: CTP_PROJECT_KEY, authUrl: CTP_AUTH_URL, apiUrl: CTP_API_URL },
      secrets: { existingSecret: 'connector' },
      requireTls: false,
      doctor,
      ...more,
    };
  }

  function render(given: object): string {
    const { ok, text, output } = helmTemplate(given);
    if (!ok) throw new Error(output);
    return text;
  }

  function podOf(given: object, kind: 'Deployment' | 'Pod'): Manifest {
    const pods = ofKind(render(given), kind).map((object) =>
      kind === 'Deployment' ? object.spec.template : object,
    );
    return pods.find(({ metadata }) => kind === 'Deployment' || metadata.name.endsWith('-doctor'));
  }

  /** Runs a container's command as the kubelet would: with its variables, and files in place of the mounted Secret. */
  function run(container: Manifest, cwd: string): Promise<{ code: number; output: string }> {
    const secrets = mkdtempSync(join(folder, 'secrets-'));
    const all: Record<string, string> = {
      ...fluent.environment,
      ...commercetools.environment,
      REDIS_URL: redis.url,
    };
    const mount = container.volumeMounts.find(({ name }: Manifest) => name === 'secrets').mountPath;
    const env = Object.fromEntries(
      container.env.map(({ name, value }: Record<string, string>) => {
        if (!value!.startsWith(mount)) return [name, value];
        const variable = value!.slice(mount.length + 1);
        writeFileSync(join(secrets, variable), all[variable]!);
        return [name, join(secrets, variable)];
      }),
    );
    const [command, ...args] = [...container.command, ...container.args];
    return new Promise((done) => {
      execFile(
        command,
        args,
        { cwd, env: { PATH: process.env['PATH'], ...env } },
        (failure, stdout, stderr) =>
          done({ code: failure ? Number(failure.code ?? -1) : 0, output: stdout + stderr }),
      );
    });
  }

  /** The working folder of an application's image: the package is one of its dependencies. */
  function application(): string {
    const path = mkdtempSync(join(folder, 'app-'));
    writeFileSync(join(path, 'package.json'), JSON.stringify({ name: 'shop', type: 'module' }));
    mkdirSync(join(path, 'node_modules'));
    symlinkSync(resolve('.'), join(path, 'node_modules/fluent-commercetools-connector'));
    return path;
  }

  it('runs nowhere unless it is asked to', () => {
    const rendered = render(values({}));
    expect(ofKind(rendered, 'Deployment')[0].spec.template.spec.initContainers).toBeUndefined();
    expect(ofKind(rendered, 'Pod')).toHaveLength(1);
  });

  it('keeps a pod from starting while Redis does not answer, and only then', async () => {
    const { spec } = podOf(values({ initContainer: { enabled: true } }), 'Deployment');
    const [container] = spec.initContainers;
    // Neither Fluent nor commercetools may keep a pod from accepting webhooks.
    await Promise.all([fluent.stop(), commercetools.stop()]);
    const started = await run(container, '.');
    expect(started.output).toContain('pass Redis: rights');
    expect(started.code).toBe(0);
    const away = {
      ...container,
      env: [...container.env, { name: 'REDIS_URL', value: 'redis://127.0.0.1:1' }],
    };
    away.env = away.env.filter(({ name }: Manifest) => name !== 'REDIS_URL_FILE');
    const refused = await run(away, '.');
    expect(refused.output).toContain('FAIL Redis: does not answer');
    expect(refused.code).toBe(1);
  });

  it("has the connector's image, variables, mounts and limits in both places, and the connector's rights", () => {
    const given = values({ initContainer: { enabled: true }, helmTest: { enabled: true } });
    const { spec } = podOf(given, 'Deployment');
    const [{ image, env, volumeMounts, resources, securityContext }] = spec.containers;
    const test = podOf(given, 'Pod');
    for (const container of [spec.initContainers[0], test.spec.containers[0]]) {
      expect(container).toMatchObject({ image, env, volumeMounts, resources, securityContext });
    }
    const { volumes, serviceAccountName, securityContext: ofPod } = spec;
    expect(test.spec).toMatchObject({ volumes, serviceAccountName, securityContext: ofPod });
    expect(test.metadata.annotations['helm.sh/hook']).toBe('test');
  });

  it('ends helm test with success when every check passes, and with an error when one fails', async () => {
    const { spec } = podOf(values({ helmTest: { enabled: true } }), 'Pod');
    const passed = await run(spec.containers[0], '.');
    expect(passed.output).toContain('pass commercetools project demo: token');
    expect(passed.code, passed.output).toBe(0);
    fluent.removeSetting(PAYMENT);
    const failed = await run(spec.containers[0], '.');
    expect(failed.output).toContain('FAIL payment mapping');
    expect(failed.code).toBe(1);
  });

  it('runs in the image of an application, whatever its own command is', async () => {
    const app = { image: { repository: 'shop' }, app: { command: ['/opt/node'], args: ['dist/shop.js'] } };
    const given = values({ helmTest: { enabled: true, checks: ['webhook-keys'] } }, app);
    const { code, output } = await run(podOf(given, 'Pod').spec.containers[0], application());
    expect(output).toContain('pass webhook keys of account ACME');
    expect(code).toBe(0);
  });

  it('runs the named checks, compares the named order, and fails on warnings when it is told to', () => {
    const doctor = { helmTest: { enabled: true, checks: ['redis', 'fluent'], order: 'O_1', strict: true } };
    expect(podOf(values(doctor), 'Pod').spec.containers[0].args).toEqual([
      'doctor',
      '--only',
      'redis,fluent',
      '--order',
      'O_1',
      '--strict',
    ]);
  });

  it('is refused with a check that does not exist', () => {
    const { ok, output } = helmTemplate(values({ initContainer: { enabled: true, checks: ['flunt'] } }));
    expect(ok).toBe(false);
    expect(output).toContain('/doctor/initContainer/checks/0');
  });
});
