import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { REDIS_FAULTS, WORKER_CONDITIONS } from '../faults/redis-faults.js';
import { UPSTREAM_FAULTS, pairsOfFaults, signalOf, singleFaults } from '../faults/upstream-faults.js';
import { tablesOf } from './markdown.js';

const PAGE = readFileSync('docs/reliability.md', 'utf8');

/** @returns the rows of the table with that head. */
function rowsBelow(...head: string[]): readonly (readonly string[])[] | undefined {
  return tablesOf(PAGE)
    .find(({ rows }) => rows[0]?.join() === head.join())
    ?.rows.slice(2);
}

const listOf = (names: readonly string[]): string => [...new Set(names)].join(', ');

describe('the page about reliability', () => {
  it('lists every upstream fault of the tests with its places and signals', () => {
    const rows = UPSTREAM_FAULTS.map((fault) => [
      fault.name,
      listOf(fault.places.map(({ name }) => name)),
      listOf(fault.places.map((place) => signalOf({ fault, place }))),
    ]);
    expect(rowsBelow('fault', 'where', 'signal')).toEqual(rows);
  });

  it('lists every Redis fault of the tests', () => {
    const rows = REDIS_FAULTS.map(({ name, signal, losesData }) => [name, signal, losesData ? 'yes' : 'no']);
    expect(rowsBelow('fault', 'signal', 'loses data')).toEqual(rows);
  });

  it('lists every condition of the workers in the tests', () => {
    const listed = PAGE.split('\n').filter((line) => line.startsWith('- '));
    for (const { name } of WORKER_CONDITIONS) expect(listed).toContain(`- ${name}`);
  });

  it('states the number of cases', () => {
    expect(PAGE).toContain(`${singleFaults().length} cases alone`);
    expect(PAGE).toContain(`${pairsOfFaults().length.toLocaleString('en')} pairs`);
    expect(PAGE).toContain(`${REDIS_FAULTS.length * WORKER_CONDITIONS.length} combinations`);
  });
});
