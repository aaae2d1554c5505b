import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Fleet } from './fleet.js';
import { runCases } from './run-case.js';
import { pairsOfFaults, sampleOf, singleFaults } from './upstream-faults.js';

const SEED = Number(process.env['CHAOS_SEED'] ?? 1);
const PAIRS = 24;
const LANES = 12;
const TEST_MS = 600_000;

let fleet: Fleet;

beforeAll(async () => {
  fleet = await Fleet.start(LANES);
});
afterAll(() => fleet.stop());

describe('a fault of an upstream', { timeout: TEST_MS }, () => {
  it('loses no order, moves none back, creates no dead letter, shows in the health and metrics, and leaves other accounts alone', async () => {
    const results = await runCases(fleet, singleFaults());
    expect(results.filter(({ problem }) => problem !== undefined)).toEqual([]);
  });

  it(`keeps to that together with another one (CHAOS_SEED=${SEED})`, async () => {
    const results = await runCases(fleet, sampleOf(pairsOfFaults(), PAIRS, SEED));
    expect(results.filter(({ problem }) => problem !== undefined)).toEqual([]);
  });
});
