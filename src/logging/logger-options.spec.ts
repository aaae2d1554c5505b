import { Writable } from 'node:stream';
import { pino } from 'pino';
import pretty from 'pino-pretty';
import { describe, expect, it } from 'vitest';
import { inLogContext } from './log-context.js';
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

  const hostile = 'a\u001b[31m\nforged line\u009b2J\u202e';

  it('escapes control and bidi characters in JSON lines, and keeps their values', () => {
    let text = '';
    const stream = new Writable({
      write(chunk: Buffer, _encoding, done) {
        text += chunk.toString();
        done();
      },
    });
    pino(loggerOptions({ level: 'info', format: 'json' }), stream).info({ orderRef: hostile }, hostile);
    expect(text).toMatch(/^[\x20-\x7e]*\n$/);
    expect(JSON.parse(text)).toMatchObject({ orderRef: hostile, msg: hostile });
  });

  it('lets no text forge a line or control the terminal in pretty lines', () => {
    let text = '';
    const destination = new Writable({
      write(chunk: Buffer, _encoding, done) {
        text += chunk.toString();
        done();
      },
    });
    const stream = pretty({ sync: true, colorize: false, destination });
    pino(loggerOptions({ level: 'info', format: 'pretty' }), stream).info({ orderRef: hostile }, hostile);
    expect(text).toContain(String.raw`a\u001b[31m\u000aforged line\u009b2J\u202e`);
    expect(text).not.toMatch(/^forged/m);
    for (const character of ['\u001b', '\u009b', '\u202e']) expect(text).not.toContain(character);
  });

  it('keeps the level of the configuration', () => {
    expect(logged({}, 'warn')).toEqual([]);
  });

  it('names the notification in every line that is logged while a handler runs, and once', async () => {
    const lines: string[] = [];
    const stream = new Writable({
      write(chunk: Buffer, _encoding, done) {
        lines.push(chunk.toString());
        done();
      },
    });
    const root = pino(loggerOptions({ level: 'info', format: 'json' }), stream);
    await inLogContext({ notificationId: 'n-1', accountId: 'ACME' }, async () => {
      await Promise.resolve();
      root.info('by a service');
      root.child({ part: 'x' }).info('by its child');
      root.child({ notificationId: 'n-1', accountId: 'ACME' }).info('by the logger of the context');
    });
    root.info('outside');
    expect(lines.map((line) => line.split('"notificationId":"n-1"').length - 1)).toEqual([1, 1, 1, 0]);
  });

  it('shows of an error only its type, message, stack and code, without personal data', () => {
    const error = Object.assign(new Error('no mail to jo@example.org'), {
      code: 'E1',
      config: { data: 'jo@example.org' },
      response: { body: { email: 'jo@example.org' } },
    });
    const [line] = logged({ err: error });
    expect(line?.['err']).toEqual({
      type: 'Error',
      message: 'no mail to [redacted]',
      stack: expect.stringContaining('no mail to [redacted]') as string,
      code: 'E1',
    });
    expect(JSON.stringify(line)).not.toContain('jo@example.org');
  });
});
