import { closeSync, ftruncateSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as endOfTurn } from 'node:timers/promises';
import { type Logger, pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { lineOutput } from './line-output.js';

let folder: string;
let fileDescriptor: number;
let logger: Logger;
let exitListeners: readonly unknown[];
const written = (): string[] =>
  readFileSync(join(folder, 'log'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { msg: string }).msg);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'line-output-'));
  fileDescriptor = openSync(join(folder, 'log'), 'a');
  exitListeners = process.listeners('exit');
  logger = pino({ level: 'trace' }, lineOutput(fileDescriptor));
});
afterAll(() => {
  closeSync(fileDescriptor);
  rmSync(folder, { recursive: true });
});
beforeEach(() => ftruncateSync(fileDescriptor));
afterEach(() => endOfTurn());

it('writes the info lines of a turn of the event loop together, at its end', async () => {
  logger.info('one');
  logger.child({ orderRef: 'O_1' }).info('two');
  expect(written()).toEqual([]);
  await endOfTurn();
  expect(written()).toEqual(['one', 'two']);
  logger.info('three');
  await endOfTurn();
  expect(written()).toEqual(['one', 'two', 'three']);
});

it.each(['trace', 'debug', 'warn', 'error', 'fatal'] as const)(
  'writes a line of level %s at once, after the info lines before it',
  (level) => {
    logger.info('before');
    logger[level]('now');
    logger.info('after');
    expect(written()).toEqual(['before', 'now']);
  },
);

it('writes what waits when the process exits in the same turn', () => {
  logger.info('last words');
  const [listener] = process.listeners('exit').filter((one) => !exitListeners.includes(one));
  listener?.(0);
  expect(written()).toEqual(['last words']);
});

it('listens once for the exit of the process, however many loggers share a file descriptor', () => {
  lineOutput(fileDescriptor);
  expect(process.listeners('exit')).toHaveLength(exitListeners.length + 1);
});
