import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const MIB = 2 ** 20;
const [MAJOR] = process.versions.node.split('.').map(Number);

/** A room for young objects that is far from both what V8 begins with and what it may have. */
const LIMIT = 16 * MIB;

const HELPERS = `
  const limit = ${LIMIT};
  const youngBytes = () => getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space').space_size;
  // V8 enlarges the room for young objects when many of them outlive a collection.
  const alive = [];
  let made = 0;
  const fill = (count) => {
    for (let i = 0; i < count; i++) alive[made++ % 2e5] = { i, list: [i] };
  };
  // The limit follows each collection at the end of the turn of the event loop. After some collections, V8 changes the room for a moment.
  const medianDuringWork = async () => {
    const sizes = [];
    for (let turn = 0; turn < 1500; turn++) {
      fill(4000);
      sizes.push(youngBytes());
      await new Promise((resolve) => setImmediate(resolve));
    }
    return sizes.sort((a, b) => a - b)[sizes.length / 2];
  };
`;

describe('limitHeap', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'limit-heap-'));
    const source = await readFile(new URL('limit-heap.ts', import.meta.url), 'utf8');
    const { outputText } = ts.transpileModule(source, {
      compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 },
    });
    await writeFile(join(folder, 'limit-heap.mjs'), outputText);
  });

  afterAll(() => rm(folder, { recursive: true }));

  /** Runs a script in a process that may have 64 MiB for young objects, and returns what it prints. */
  async function printed(script: string): Promise<unknown> {
    const file = join(folder, 'script.mjs');
    const imports = `
      import { getHeapSpaceStatistics } from 'node:v8';
      import { limitHeap } from './limit-heap.mjs';
    `;
    await writeFile(file, imports + HELPERS + script);
    const { stdout } = await promisify(execFile)(process.execPath, ['--max-semi-space-size=32', file]);
    return JSON.parse(stdout);
  }

  it('lets the room for young objects grow to its limit, and not further', async () => {
    expect(
      await printed(`
        limitHeap({ growingPercent: 40, youngBytes: limit });
        console.log(await medianDuringWork());
      `),
    ).toBe(LIMIT);
  });

  it('gives back the room that was filled before, from Node 22 on', async () => {
    const left = MAJOR! < 22 ? 64 * MIB : MIB;
    expect(
      await printed(`
        fill(4e6);
        const filled = youngBytes();
        limitHeap({ growingPercent: 40, youngBytes: limit });
        console.log(JSON.stringify([filled, youngBytes()]));
      `),
    ).toEqual([64 * MIB, left]);
  });

  it('does not keep the process alive, and hides the collector again', async () => {
    expect(
      await printed(`
        limitHeap({ growingPercent: 40, youngBytes: limit });
        console.log(JSON.stringify(typeof gc));
      `),
    ).toBe('undefined');
  });
});
