import { Writable } from 'node:stream';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { loggerOptions } from './logger-options.js';

function logged(line: object, level = 'info'): Record<string, unknown>[] {
  const lines: Record<string, unknown>[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(chunk.toString()) as Record<string, unknown>);
      done();
    },
  });
  pino(loggerOptions({ level, format: 'json' }), stream).info(line, 'message');
  return lines;
}

describe('loggerOptions', () => {
  it('writes one JSON object with a readable level and time', () => {
    const [line] = logged({ orderRef: 'O_123' });
    expect(line).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string,
      orderRef: 'O_123',
      msg: 'message',
    });
  });

  it('hides secrets in objects that are logged as a whole', () => {
    const error = Object.assign(new Error('refused'), { config: { password: 'hunter2' } });
    const text = JSON.stringify(
      logged({
        password: 'hunter2',
        account: { clientSecret: 'hunter2', id: 'ACME' },
        request: { headers: { authorization: 'Bearer hunter2' } },
        err: error,
      }),
    );
    expect(text).not.toContain('hunter2');
    expect(text).toContain('ACME');
  });

  it('keeps the level of the configuration', () => {
    expect(logged({}, 'warn')).toEqual([]);
  });
});
