import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { codeBlocks, section } from './code-blocks.js';
import { PartnerMachine, REPOSITORY } from './partner-machine.js';

/** What the specs of a run share: a machine, and the project that the first section of the tutorial installed. */
export interface SharedInstallation {
  readonly folder: string;
  readonly files: readonly string[];
  readonly installSeconds: number;
}

declare module 'vitest' {
  interface ProvidedContext {
    installation: SharedInstallation;
  }
}

export const TUTORIAL = readFileSync(join(REPOSITORY, 'docs/extending/tutorial.md'), 'utf8');
export const FIRST_OVERRIDE = section(TUTORIAL, 'Your first override');
/** The folder that the tutorial makes. */
export const TUTORIAL_PROJECT = 'my-connector';

/** @returns the commands of the tutorial's first section: those before its first test, and the one that runs it. */
export function firstCommands(): { prepare: string; check: string } {
  const commands = codeBlocks(FIRST_OVERRIDE).filter(({ language }) => language === 'sh');
  const [prepare = '', check = ''] = commands
    .map(({ code }) => code)
    .join('')
    .split(/(?=npx vitest)/);
  return { prepare, check };
}

/** Packs both packages and installs the connector once for all specs, with the commands of the tutorial. */
export default async function installOnce(project: TestProject): Promise<() => void> {
  const machine = await PartnerMachine.withPackedPackages();
  try {
    const started = performance.now();
    await machine.sh(firstCommands().prepare);
    const installSeconds = (performance.now() - started) / 1000;
    project.provide('installation', { folder: machine.folder, files: machine.files, installSeconds });
    return () => machine.remove();
  } catch (error) {
    machine.remove();
    throw error;
  }
}
