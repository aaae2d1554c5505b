import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject, it } from 'vitest';
import { TUTORIAL_PROJECT } from './install-once.js';
import { PACKAGE, PartnerMachine, REPOSITORY } from './partner-machine.js';

const { folder, files } = inject('installation');
const machine = new PartnerMachine(folder, files);
const { engines } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as {
  engines: { node: string };
};
/** The first version of each range that `engines` names, as in `^22.22.2 || >=26`. */
const FIRST = engines.node.split(' || ').map((range) => range.replace(/^(\^|>=)/, ''));

/** Checks the packages that the shared installation has chosen: npm refuses those that do not support the running Node. */
function installStrictly(node: string): Promise<string> {
  const project = machine.path(`node-${node}`);
  mkdirSync(project);
  for (const file of ['package.json', 'package-lock.json']) {
    cpSync(machine.path(TUTORIAL_PROJECT, file), join(project, file));
  }
  const install = 'npm install --dry-run --omit=dev --engine-strict';
  const onNode = join(REPOSITORY, '.ci/on-node');
  return machine.sh(`${onNode} ${node} sh -c 'node --version && ${install}'`, project);
}

it.each([FIRST[0] ?? '', FIRST.at(-1) ?? ''])(
  `npm install --engine-strict of ${PACKAGE} passes on Node %s, the lowest and the highest line of engines`,
  async (node) => {
    const output = await installStrictly(node);
    expect(output).toMatch(new RegExp(`^v${node.replaceAll('.', '\\.')}`, 'm'));
  },
);

it('fails on a Node that engines does not name', async () => {
  await expect(installStrictly('20.20.2')).rejects.toThrow(/EBADENGINE[^]*Not compatible/);
});
