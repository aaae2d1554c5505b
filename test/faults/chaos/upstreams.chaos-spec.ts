import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Fleet } from '../fleet.js';
import { runCases } from '../run-case.js';
import { pairsOfFaults, sampleOf, singleFaults } from '../upstream-faults.js';
import { report } from './report.js';

const SEED = Number(process.env['CHAOS_SEED'] ?? Date.now() % 100_000);
/** In which pairs are begun; the last ones may end a minute or two later. */
const SECONDS = Number(process.env['CHAOS_SECONDS'] ?? 2700);
const LANES = 16;
const TEST_MS = (SECONDS + 600) * 1000;

let fleet: Fleet;

beforeAll(async () => {
  fleet = await Fleet.start(LANES);
});
afterAll(() => fleet.stop());

describe('a fault of an upstream', { timeout: TEST_MS }, () => {
  it('loses no order, moves none back, creates no dead letter, shows in the health and metrics, and leaves other accounts alone', async () => {
    const results = await runCases(fleet, singleFaults());
    for (const { name, problem, durationMs } of results) {
      if (problem === undefined) report('upstream', name, durationMs);
    }
    expect(results.filter(({ problem }) => problem !== undefined)).toEqual([]);
  });

  it(`keeps to that together with every other one (CHAOS_SEED=${SEED}, CHAOS_SECONDS=${SECONDS})`, async () => {
    const pairs = pairsOfFaults();
    const shuffled = sampleOf(pairs, pairs.length, SEED);
    const results = await runCases(fleet, shuffled, SECONDS * 1000);
    const held = results.filter(({ problem }) => problem === undefined);
    process.stdout.write(
      `${held.length} of the ${results.length} pairs that were run held; there are ${pairs.length}\n`,
    );
    expect(results.filter(({ problem }) => problem !== undefined)).toEqual([]);
  });
});
