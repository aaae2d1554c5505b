import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const run = promisify(execFile);

it(
  'ends the demo with every order in agreement, nothing lost and exit code 0',
  { timeout: 150_000 },
  async () => {
    // The build as it is shipped, not the bundle of it.
    const env = { ...process.env, CONNECTOR_BUILD: undefined };
    // Rejects on any other exit code.
    const { stdout } = await run(process.execPath, ['--import', 'tsx', 'demo/main.ts'], {
      timeout: 120_000,
      env,
    });
    expect(stdout).toMatch(/^notifications {2}\d+ accepted, \d+ duplicates/m);
    expect(stdout).toMatch(/^lost {11}0$/m);
    expect(stdout).toMatch(/^orders {9}25 of 25 agree, /m);
    expect(stdout).toMatch(/^skipped {8}O_2001 passed BOOKED unseen: at PICK_PACK, payment .+ -> Paid$/m);
  },
);
