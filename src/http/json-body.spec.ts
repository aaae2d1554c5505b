import { describe, expect, it } from 'vitest';
import { parseJson } from './json-body.js';
import { isDeeperThan } from './json-depth.js';
import { Problem } from './problem.js';

const json = { 'content-type': 'application/json' };

function statusOf(body: Buffer | string, headers: Record<string, string> = json): number {
  try {
    parseJson(Buffer.from(body as string), headers);
    return 200;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return error.getStatus();
  }
}

describe('parseJson', () => {
  it.each<[string, string | Buffer, Record<string, string>]>([
    ['plain JSON', '{"a":1}', json],
    ['a charset of UTF-8', '{"a":"é"}', { 'content-type': 'application/json; charset=UTF-8' }],
    ['a quoted charset', '{}', { 'content-type': 'application/json;charset="utf-8"' }],
    ['the identity encoding', '{}', { ...json, 'content-encoding': 'identity' }],
  ])('reads %s', (_case, body, headers) => {
    expect(statusOf(body, headers)).toBe(200);
  });

  it.each<[string, string | Buffer, Record<string, string>, number]>([
    ['a compressed body', '{}', { ...json, 'content-encoding': 'gzip' }, 415],
    ['another charset', '{}', { 'content-type': 'application/json; charset=utf-16' }, 415],
    ['bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0x22]), json, 400],
    ['UTF-16 without a charset', Buffer.from('{"a":1}', 'utf16le'), json, 400],
    ['text that is not JSON', 'hello', json, 400],
    ['half an object', '{"a":', json, 400],
    ['a million opening brackets', '['.repeat(1_000_000), json, 400],
    ['65 levels', '['.repeat(65) + ']'.repeat(65), json, 400],
  ])('refuses %s', (_case, body, headers, status) => {
    expect(statusOf(body, headers)).toBe(status);
  });

  it('does not repeat the body in its error message', () => {
    expect(() => parseJson(Buffer.from('secret'), json)).toThrow(/^the body is not JSON$/);
  });

  it('does not change Object.prototype', () => {
    parseJson(
      Buffer.from('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}'),
      json,
    );
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

describe('isDeeperThan', () => {
  it.each<[string, number, boolean]>([
    ['[[1]]', 2, false],
    ['[[[1]]]', 2, true],
    ['[[],[],[],[]]', 2, false],
    ['{"a":{"b":{}}}', 2, true],
    ['"[[[["', 0, false],
    [String.raw`"\"[[["`, 0, false],
    [String.raw`["\\",[]]`, 1, true],
  ])('%s nests deeper than %i: %s', (text, limit, expected) => {
    expect(isDeeperThan(limit, Buffer.from(text))).toBe(expected);
  });
});
