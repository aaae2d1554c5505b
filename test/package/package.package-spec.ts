import { isBuiltin } from 'node:module';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { linksOf, pages } from '../documentation/markdown.js';
import { codeBlocks, countLines, sections } from './code-blocks.js';
import { FIRST_OVERRIDE, TUTORIAL, TUTORIAL_PROJECT, firstCommands } from './install-once.js';
import { PACKAGE, PartnerMachine, REPOSITORY } from './partner-machine.js';
import { exportedNames, moduleOf, tsdocExamples } from './tsdoc-examples.js';

const READERS_OWN = join(REPOSITORY, 'test/package/readers-own.d.ts');
const EXAMPLES = readdirSync(join(REPOSITORY, 'examples'));

/** Their code is run, too: the tutorial and the tests here, everything else by the end-to-end specs of the repository. */
const PAGES = [
  'docs/extending/tutorial.md',
  'docs/extending/how-to.md',
  'docs/commercetools-messages.md',
  'docs/fluent-api.md',
];

const { folder: shared, files: packed, installSeconds } = inject('installation');
const machine = new PartnerMachine(shared, packed);
const installed = machine.path(TUTORIAL_PROJECT);
/** Beside the installed project: what this spec adds does not meet what others add. */
const project = machine.path('tutorial');
beforeAll(async () => {
  await machine.shareInstallation(installed, project);
  cpSync(join(installed, 'package.json'), join(project, 'package.json'));
});

/** Makes a module of each `@example`, as a reader of the package sees it. */
function writeTsdocExamples(folder: string): void {
  mkdirSync(folder);
  cpSync(READERS_OWN, join(folder, 'readers-own.d.ts'));
  const dist = join(project, 'node_modules', PACKAGE, 'dist');
  const files = ['index.d.ts', 'testing/index.d.ts'].map((file) => join(dist, file));
  const [main = [], testing = [], own = []] = exportedNames([...files, join(folder, 'readers-own.d.ts')]);
  const exported = new Map([
    [PACKAGE, main],
    [`${PACKAGE}/testing`, testing.filter((name) => !main.includes(name))],
    ['./readers-own.js', own],
    ['@nestjs/common', ['Injectable']],
    ['class-validator', ['IsString']],
    ['node:http', ['IncomingHttpHeaders']],
    ['vitest', ['expect', 'it']],
  ]);
  const examples = tsdocExamples(dist);
  expect(examples.map(({ place }) => place)).toEqual(
    expect.arrayContaining([expect.stringMatching(/^delivery\/message-queue\.d\.ts:/)]),
  );
  for (const example of examples) {
    const { place, code } = example;
    // Without a decorator, Nest does not know what to inject.
    const isInjected = /^@(Injectable|NotificationHandler|OrderStatusHook)\(/m.test(code);
    expect(isInjected || !code.includes('constructor('), `${place} has @Injectable()`).toBe(true);
    writeFileSync(join(folder, `${place.replaceAll(/\W+/g, '-')}.ts`), moduleOf(example, exported));
  }
}

describe('the package', () => {
  it('carries the built code with its types, and neither sources nor tests', () => {
    expect(machine.files).toEqual(
      expect.arrayContaining([
        'dist/index.js',
        'dist/index.d.ts',
        'dist/main.js',
        'dist/admin/console/page/console.html',
      ]),
    );
    expect(machine.files).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'CHANGELOG.md']));
    expect(machine.files.filter((path) => /[.-]spec\.|^(src|test|demo|bench)\//.test(path))).toEqual([]);
  });

  it('leads every link of its pages to a file that it contains', () => {
    const shipped = pages().filter((page) => machine.files.includes(page));
    expect(shipped).toEqual(expect.arrayContaining(['README.md', 'docs/extending/tutorial.md']));
    const isShipped = (path: string): boolean =>
      machine.files.some((file) => file === path || file.startsWith(`${path}/`));
    const dead = shipped.flatMap((page) =>
      linksOf(page, readFileSync(join(REPOSITORY, page), 'utf8'))
        .filter(({ path }) => !isShipped(path))
        .map(({ target }) => `${page}: ${target}`),
    );
    expect(dead).toEqual([]);
  });

  it('is installed, extended and tested in an empty folder by the first section of the tutorial', async () => {
    const blocks = codeBlocks(FIRST_OVERRIDE);
    const files = blocks.filter(({ title }) => title !== undefined);
    const { prepare, check } = firstCommands();
    const started = performance.now();
    for (const { title, code } of files) writeFileSync(join(project, title ?? ''), code);
    const output = await machine.sh(check, project);
    const seconds = Math.round(installSeconds + (performance.now() - started) / 1000);
    const commands = prepare + check;
    expect(output).toMatch(/Tests.*1 passed/);

    const figures = `${countLines(commands)} commands and`;
    const lines = `${countLines(files.map(({ code }) => code).join(''))} lines`;
    process.stdout.write(`time to first override: ${figures} ${lines}, ${seconds} s\n`);
    expect(FIRST_OVERRIDE).toContain(`run ${countLines(commands)} commands and write ${lines}`);
  });

  it('passes the tests of every further section of the tutorial, and compiles its program', async () => {
    let tests = 1;
    const expected: string[] = [];
    const passed: (string | undefined)[] = [];
    for (const text of sections(TUTORIAL).slice(1)) {
      const blocks = codeBlocks(text);
      for (const { title, code } of blocks.filter((block) => block.title !== undefined)) {
        writeFileSync(join(project, title ?? ''), code);
        if (title?.endsWith('.test.ts')) tests += 1;
      }
      for (const { code } of blocks.filter(({ language }) => language === 'sh')) {
        const output = await machine.sh(code, project);
        if (!code.includes('npx vitest')) continue;
        expected.push(`${tests} passed`);
        passed.push(/Tests.*?(\d+ passed)/.exec(output)?.[1]);
      }
    }
    expect(expected).toHaveLength(2);
    expect(passed).toEqual(expected);
    expect(existsSync(join(project, 'dist/main.js'))).toBe(true);
  });

  it('gives ES modules and CommonJS its two entries, and nothing else', async () => {
    const probe = `
      const [main, testing] = await Promise.all([import('${PACKAGE}'), import('${PACKAGE}/testing')]);
      const { createRequire } = await import('node:module');
      const refused = await import('${PACKAGE}/dist/delivery/index.js').catch((error) => error.code);
      console.log(JSON.stringify({
        main: Object.keys(main), testing: Object.keys(testing), refused,
        same: createRequire(process.cwd() + '/x.js')('${PACKAGE}').StatusMapper === main.StatusMapper,
      }));`;
    writeFileSync(join(project, 'probe.mjs'), probe);
    const found = JSON.parse(await machine.sh('node --no-warnings probe.mjs', project)) as Record<
      string,
      unknown
    >;
    expect(found['refused']).toBe('ERR_PACKAGE_PATH_NOT_EXPORTED');
    expect(found['same']).toBe(true);
    expect(found['main']).toEqual(
      expect.arrayContaining([
        'ConnectorModule',
        'bootstrapConnector',
        'NotificationHandler',
        'StatusMapper',
      ]),
    );
    expect(found['testing']).toEqual(
      expect.arrayContaining([
        'createTestConnector',
        'FluentEmulator',
        'CommercetoolsEmulator',
        'signWebhook',
      ]),
    );
  });

  it('has one copy of what it shares with the application', async () => {
    const tree = await machine.sh('npm ls --all --parseable', project);
    const paths = tree.split('\n');
    for (const name of [
      '@nestjs/common',
      '@nestjs/core',
      'graphql',
      'class-validator',
      'class-transformer',
    ]) {
      expect(paths.filter((path) => path.endsWith(`/node_modules/${name}`))).toHaveLength(1);
    }
  });

  it('has complete types: none of its declarations has an error or an unknown import', async () => {
    const folder = join(project, 'types');
    mkdirSync(folder);
    writeFileSync(
      join(folder, 'use.ts'),
      `export * from '${PACKAGE}';\nexport * as testing from '${PACKAGE}/testing';\n`,
    );
    // The declarations of dependencies are not ours to check.
    const errors = await machine.typecheck(folder, { skipLibCheck: false }).then(
      () => '',
      (error: Error) => error.message,
    );
    expect(errors.split('\n').filter((line) => line.includes(PACKAGE) || line.startsWith('use.ts'))).toEqual(
      [],
    );
  });

  it('compiles every piece of code of the pages and of the editor tips, and no override that does not fit', async () => {
    const docs = join(project, 'docs');
    for (const page of PAGES) {
      const folder = join(docs, basename(page, '.md'));
      mkdirSync(folder, { recursive: true });
      const blocks = codeBlocks(readFileSync(join(REPOSITORY, page), 'utf8')).filter(
        ({ language }) => language === 'ts',
      );
      expect(blocks.map(({ title }) => title)).not.toEqual([]);
      for (const { title, code, line } of blocks)
        writeFileSync(join(folder, title ?? `line-${line}.ts`), code);
    }
    writeTsdocExamples(join(docs, 'tsdoc'));
    writeFileSync(
      join(docs, 'wrong.ts'),
      `import { ConnectorModule, OrderLookup, SettingsStatusMapper } from '${PACKAGE}';
       ConnectorModule.register({ overrides: [{ provide: OrderLookup, useClass: SettingsStatusMapper }] });\n`,
    );
    const found = await machine.typecheck(docs).then(String, String);
    const errors = found.split('\n').filter((line) => line.includes('error TS'));
    expect(errors).toEqual([expect.stringMatching(/^wrong\.ts\(2,/)]);
    expect(found).toMatch(/OrderLookup.* is not assignable to type 'Override'/);
  });

  it('has no other page with code', () => {
    const withCode = pages().filter((page) =>
      codeBlocks(readFileSync(join(REPOSITORY, page), 'utf8')).some(({ language }) => language === 'ts'),
    );
    expect(withCode.toSorted()).toEqual(['README.md', ...PAGES].toSorted());
  });

  it('composes in README.md what the tutorial ends with', () => {
    const [readme] = codeBlocks(readFileSync(join(REPOSITORY, 'README.md'), 'utf8')).filter(
      ({ language }) => language === 'ts',
    );
    const program = codeBlocks(TUTORIAL).find(({ title }) => title === 'main.ts');
    expect(readme?.code).toBe(program?.code);
  });

  it('passes the tests in the guides and in the pages of the APIs', async () => {
    const output = await machine.sh('npx vitest run --no-isolate docs/how-to docs/fluent-api', project);
    expect(output).toMatch(/Test Files.*7 passed/);
  });
});

describe('the examples', () => {
  const folder = machine.path('examples');
  const [first = ''] = EXAMPLES;
  const textOf = (example: string, file: string): string =>
    readFileSync(join(REPOSITORY, 'examples', example, file), 'utf8');
  const SETTINGS = ['tsconfig.json', 'tsconfig.build.json', 'vitest.config.ts'];

  beforeAll(async () => {
    await machine.shareInstallation(installed, folder);
    cpSync(join(REPOSITORY, 'examples'), folder, {
      recursive: true,
      filter: (path) => !/\/(node_modules|dist)$/.test(path),
    });
  });

  // So one installation, one compiler and one run of the tests speak for all.
  it.each(EXAMPLES)('%s has the dependencies, the compiler and the test runner of all others', (example) => {
    const needs = (name: string): unknown => {
      const { engines, dependencies, devDependencies } = JSON.parse(textOf(name, 'package.json')) as Record<
        string,
        unknown
      >;
      return { engines, dependencies, devDependencies };
    };
    expect(needs(example)).toEqual(needs(first));
    for (const file of SETTINGS) expect(textOf(example, file)).toBe(textOf(first, file));
    const { scripts } = JSON.parse(textOf(example, 'package.json')) as { scripts: Record<string, string> };
    expect(scripts).toMatchObject({
      build: 'tsc -p tsconfig.build.json',
      test: 'tsc --noEmit && vitest run',
    });
  });

  it('install the package, compile, and pass their tests', async () => {
    for (const file of ['package.json', 'tsconfig.json', 'vitest.config.ts']) {
      const text = textOf(first, file)
        .replace(/"include": \[.*\]/, '"include": ["*/src", "*/test"]')
        .replace("'test/**/*.test.ts'", "'*/test/**/*.test.ts'");
      writeFileSync(join(folder, file), text);
    }
    const test = `npm test ${machine.reporters(folder)}`;
    // SQLite is a part of Node from version 22 on, which engines asks for.
    const onNode22 = `${join(REPOSITORY, '.ci/on-node')} 22 sh -c '${test}'`;
    const commands = `npm install ${PACKAGE}\n${isBuiltin('node:sqlite') ? test : onNode22}`;
    const output = await machine.sh(commands, folder);
    const files = EXAMPLES.flatMap((example) => readdirSync(join(folder, example, 'test'))).length;
    expect(output).toMatch(new RegExp(`Test Files.*${files} passed`));
  });
});
