import { createRequire } from 'node:module';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { parse } from 'yaml';
import { actionlint, hasChartTools, helmTemplate } from '../chart/chart-tools.js';
import { ofKind } from '../chart/manifests.js';
import { buildWithoutDocker } from '../image/dockerfile.js';
import { TUTORIAL_PROJECT } from './install-once.js';
import { CREATE_PACKAGE, PACKAGE, PartnerMachine, REPOSITORY } from './partner-machine.js';

const { folder, files } = inject('installation');
const machine = new PartnerMachine(folder, files);
const NAME = 'shop-connector';
const project = machine.path('work', NAME);
const read = (path: string): string => readFileSync(join(project, path), 'utf8');

beforeAll(async () => {
  mkdirSync(machine.path('work'));
  await machine.sh(`npm create fluent-commercetools-connector@latest ${NAME}`, machine.path('work'));
});

describe('npm create fluent-commercetools-connector', () => {
  it('gives the project its name and the version of the connector, and leaves no placeholder', () => {
    const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };
    const { name, dependencies } = JSON.parse(read('package.json')) as {
      name: string;
      dependencies: Record<string, string>;
    };
    expect([name, dependencies[PACKAGE]]).toEqual([NAME, `^${version}`]);
    const paths = readdirSync(project, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    expect(paths.filter((path) => /__[A-Z_]+__/.test(readFileSync(path, 'utf8')))).toEqual([]);
    expect(readdirSync(project)).toEqual(expect.arrayContaining(['.gitignore', '.dockerignore', '.github']));
  });

  it('refuses a folder with files, a name that npm refuses, and no name, and changes nothing', async () => {
    // What `npm create` starts, without the seconds that npm needs each time.
    await machine.sh(`mkdir create && tar -xzf ${machine.tarball(CREATE_PACKAGE)} -C create`);
    const program = machine.path('create', 'package', 'index.mjs');
    const create = (args: string) => machine.sh(`node ${program} ${args}`, machine.path('work'));
    const before = read('package.json');
    await expect(create(NAME)).rejects.toThrow('is not an empty folder');
    expect(read('package.json')).toBe(before);
    await expect(create('My_Connector')).rejects.toThrow('cannot be the name of a project');
    await expect(create('')).rejects.toThrow('Name one folder');
    await expect(create('--nonsense x')).rejects.toThrow('Usage: npm create');
    expect(readdirSync(machine.path('work'))).toEqual([NAME]);
    expect(await create('--help')).toContain('Usage: npm create');
  });

  it('makes a project that installs, builds and passes its tests', async () => {
    await machine.shareInstallation(machine.path(TUTORIAL_PROJECT), project);
    const output = await machine.sh(
      `npm install ${PACKAGE}\nnpm run build\nnpm test ${machine.reporters(project)}`,
      project,
    );
    expect(output).toMatch(/Test Files.*2 passed/);
    expect(output).not.toMatch(/failed|skipped/);
    expect(existsSync(join(project, 'dist/main.js'))).toBe(true);
  });

  it('makes a project whose tests fail when its override, its handler or its hook does nothing', async () => {
    const broken = machine.path('work-broken');
    await machine.shareInstallation(project, broken);
    cpSync(project, broken, { recursive: true, filter: (path) => !path.includes('node_modules') });
    const edit = (path: string, from: string, to: string): void => {
      const text = readFileSync(join(broken, path), 'utf8');
      expect(text).toContain(from);
      writeFileSync(join(broken, path), text.replace(from, to));
    };
    edit('src/collection-status-mapper.ts', "if (order.type !== 'CC') return states;", 'return states;');
    edit('src/tracking.hook.ts', 'if (custom) return', 'if (key) return []; if (custom) return');
    edit('src/parcel-delivered.handler.ts', "=== 'Delivered' ?", "!== 'Delivered' ?");
    const failed = await machine.sh('npx vitest run test/app.test.ts', broken).then(
      () => '',
      (error: Error) => error.message,
    );
    expect(failed).toMatch(/Tests.*3 failed.*1 passed/);
  });

  it('makes an image that starts, without the test kit and without what only the build needs', async () => {
    const context = machine.path('image');
    await machine.shareInstallation(project, context);
    cpSync(project, context, { recursive: true, filter: (path) => !path.includes('node_modules') });
    // What differs from a partner: the packages are not published, and are already here.
    cpSync(machine.tarball(), join(context, 'connector.tgz'));
    const edit = (path: string, from: RegExp | string, to: string): void => {
      const text = readFileSync(join(context, path), 'utf8');
      expect(text).toMatch(from);
      writeFileSync(join(context, path), text.replaceAll(from, to));
    };
    for (const path of ['package.json', 'package-lock.json']) {
      edit(path, /file:[^"]*connector\.tgz/g, 'file:connector.tgz');
    }
    edit('Dockerfile', /(?<=COPY package.json package-lock.json )/g, 'connector.tgz node_modules ');
    // A registry that lacks builds for other platforms leaves gaps in the lock file, which npm ci refuses.
    edit('Dockerfile', 'npm ci', 'npm install');
    const { root, workdir, command, uid } = await buildWithoutDocker(context, machine.path('image-built'));
    expect(uid).toBe(65_532);
    const app = join(root, workdir);
    expect(readdirSync(app).sort()).toEqual(['dist', 'node_modules', 'package.json']);
    const holds = (path: string): boolean => existsSync(join(app, 'node_modules', path));
    expect([PACKAGE, 'vitest', 'typescript', `${PACKAGE}/dist/testing`].map(holds)).toEqual([
      true,
      false,
      false,
      false,
    ]);
    expect(command.at(-1)).toBe('dist/bundle/main.js');
    // The Node of the image, which knows more options than the oldest that we support.
    const [, ...args] = command;
    const started = machine.sh(`${join(REPOSITORY, '.ci/on-node')} 24 node ${args.join(' ')}`, app);
    await expect(started).rejects.toThrow('FLUENT_USERNAME is required');
    const bundle = machine.sh(`npx ${PACKAGE} bundle dist/main.js`, app);
    await expect(bundle).rejects.toThrow('npm install --save-dev rolldown');
  });

  it('makes settings that appear in one list with the problems of the connector', async () => {
    const env = 'PATH=$PATH TRACKING_FIELD="no spaces" CARRIER_TOKEN=short';
    await expect(machine.sh(`env -i ${env} node dist/main.js`, project)).rejects.toThrow(
      /- REDIS_URL is required[^]*- TRACKING_FIELD must[^]*- CARRIER_TOKEN must/,
    );
  });

  it('makes an image on the base images of our own, and a workflow with the actions of our own', () => {
    const bases = (text: string): string[] =>
      [...text.matchAll(/^FROM (\S+)/gm)].map(([, base = '']) => base);
    const ours = readFileSync(join(REPOSITORY, 'Dockerfile'), 'utf8');
    expect(bases(read('Dockerfile'))).toEqual(bases(ours));
    const actions = (text: string): string[] => [...text.matchAll(/uses: (\S+)/g)].map(([, use = '']) => use);
    const workflow = readFileSync(join(REPOSITORY, '.github/workflows/ci.yml'), 'utf8');
    expect(actions(workflow)).toEqual(expect.arrayContaining(actions(read('.github/workflows/ci.yml'))));
  });

  it.skipIf(!hasChartTools)('makes values that the chart accepts, and a workflow without mistakes', () => {
    const { ok, text, output } = helmTemplate(parse(read('helm/values.yaml')), NAME);
    expect(ok, output).toBe(true);
    const [deployment] = ofKind(text, 'Deployment');
    const [container] = deployment.spec.template.spec.containers;
    expect(container.image).toBe(`registry.example.com/${NAME}:1.0.0`);
    expect(container.env).toContainEqual({ name: 'TRACKING_FIELD', value: 'trackingNumber' });
    expect(actionlint([join(project, '.github/workflows/ci.yml')])).toMatchObject({ ok: true });
  });

  it("is packed without dependencies, and with the connector's version", () => {
    const { dependencies, version } = JSON.parse(
      readFileSync(join(REPOSITORY, 'create/package.json'), 'utf8'),
    ) as Record<string, unknown>;
    expect(dependencies).toBeUndefined();
    expect(version).toBe(
      (createRequire(import.meta.url)('../../package.json') as { version: string }).version,
    );
    expect(existsSync(machine.tarball(CREATE_PACKAGE))).toBe(true);
  });
});
