import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { tablesOf } from './markdown.js';

const BENCHMARKS = readFileSync('docs/benchmarks.md', 'utf8');
const SIZING = readFileSync('docs/operations.md', 'utf8').split('\n## Sizing\n')[1]!.split('\n## ')[0]!;
/** The same text, whatever the lengths of its lines. */
const PROSE = SIZING.replaceAll(/\s+/g, ' ');
const COLUMNS = {
  worker: 'CPU of the worker, µs',
  ingress: 'CPU of the server, µs',
  redis: 'CPU of Redis, µs',
};

/** @returns a figure of a table on the page of benchmarks, by the texts of its row and its column. */
function measured(row: string, column: string): number {
  for (const { rows } of tablesOf(BENCHMARKS)) {
    const index = rows[0]!.indexOf(column);
    const figure = rows.find(([what]) => what === row)?.[index];
    if (index > 0 && figure !== undefined) return Number(figure);
  }
  throw new Error(`docs/benchmarks.md has no table with the row "${row}" and the column "${column}"`);
}

const ingress = measured('connector', COLUMNS.ingress);
const worker = measured('connector, 256 slots', COLUMNS.worker);
const redisOfWebhook = measured('connector', COLUMNS.redis);
const redisOfNotification = measured('connector, 256 slots', COLUMNS.redis);
const redis = redisOfWebhook + redisOfNotification;

it('the rules of sizing begin with the figures of the benchmarks', () => {
  expect(PROSE).toContain(
    `an ingress needs ${ingress} µs of CPU for each webhook, a worker with 256 slots ${worker} µs for each notification, ` +
      `and Redis ${redisOfWebhook} µs for the first and ${redisOfNotification} µs for the second, together ${redis} µs.`,
  );
  const withFewerSlots = measured('connector, 64 slots', COLUMNS.worker);
  expect(PROSE).toContain(`with 64 slots a notification takes ${withFewerSlots} µs of the worker`);
});

it('the rules of sizing use the figures that they begin with', () => {
  const [rules] = tablesOf(SIZING);
  const rule = (what: string): string => rules!.rows.find(([cell]) => cell === what)![1]!;
  expect(rule('ingress pods')).toContain(`webhooks a second × ${ingress} µs ÷ 0.6`);
  expect(rule('worker pods')).toContain(`notifications a second × ${worker} µs ÷ 0.6`);
  expect(rule('Redis CPU')).toContain(`notifications a second × ${redis} µs`);
  const most = Math.round(700_000 / redis);
  expect(PROSE).toContain(
    `0.7 ÷ ${redis} µs = ${most} notifications a second, or ${Math.floor(most / 8)} orders`,
  );
});

it('the examples of sizing are computed by its rules', () => {
  const [, examples] = tablesOf(SIZING);
  const pods = (perSecond: number, micros: number): number =>
    Math.max(2, Math.ceil((perSecond * micros) / 0.6 / 1_000_000));
  const computed = examples!.rows.slice(2).map(([orders]) => {
    const perSecond = Number(orders) * 8;
    const workers = pods(perSecond, worker);
    const slots = (perSecond * 0.2) / workers;
    return [
      orders,
      String(perSecond),
      `${perSecond} × ${ingress} µs ÷ 0.6 → ${pods(perSecond, ingress)}`,
      `${perSecond} × ${worker} µs ÷ 0.6 → ${workers}`,
      `${perSecond} × 0.2 ÷ ${workers} = ${Math.ceil(slots)}`,
      `${perSecond} × ${redis} µs = ${((perSecond * redis) / 1_000_000).toFixed(2)}`,
    ];
  });
  expect(examples!.rows.slice(2)).toEqual(computed);
});
