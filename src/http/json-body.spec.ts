import { describe, expect, it } from 'vitest';
import { encodingProblem, excessOf, parseJson } from './json-body.js';
import { Problem } from './problem.js';

const json = { 'content-type': 'application/json' };

function statusOf(body: Buffer | string): number {
  try {
    parseJson(Buffer.from(body as string), 'the body');
    return 200;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return error.getStatus();
  }
}

describe('encodingProblem', () => {
  it.each<[string, Record<string, string>]>([
    ['plain JSON', json],
    ['a charset of UTF-8', { 'content-type': 'application/json; charset=UTF-8' }],
    ['a quoted charset', { 'content-type': 'application/json;charset="utf-8"' }],
    ['the identity encoding', { ...json, 'content-encoding': 'identity' }],
  ])('accepts %s', (_case, headers) => {
    expect(encodingProblem(headers)).toBeUndefined();
  });

  it.each<[string, Record<string, string>]>([
    ['a compressed body', { ...json, 'content-encoding': 'gzip' }],
    ['another charset', { 'content-type': 'application/json; charset=utf-16' }],
  ])('refuses %s with 415', (_case, headers) => {
    expect(encodingProblem(headers)?.getStatus()).toBe(415);
  });
});

describe('parseJson', () => {
  it('reads JSON in UTF-8', () => {
    expect(parseJson(Buffer.from('{"a":"é"}'), 'the body')).toEqual({ a: 'é' });
  });

  it.each<[string, string | Buffer]>([
    ['bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['UTF-16 without a charset', Buffer.from('{"a":1}', 'utf16le')],
    ['text that is not JSON', 'hello'],
    ['half an object', '{"a":'],
    ['a million opening brackets', '['.repeat(1_000_000)],
    ['65 levels', '['.repeat(65) + ']'.repeat(65)],
    ['a megabyte of tiny objects', `[${Array.from({ length: 120_000 }, (_, i) => `{"${i}":0}`).join(',')}]`],
    ['a megabyte of tiny numbers', `[${'0,'.repeat(500_000)}0]`],
  ])('refuses %s with 400', (_case, body) => {
    expect(statusOf(body)).toBe(400);
  });

  it('accepts a megabyte of ordinary attributes', () => {
    const attributes = Array.from({ length: 15_000 }, (_, i) => ({
      name: `attribute-${i}`,
      value: `value-${i}-${'x'.repeat(20)}`,
    }));
    expect(statusOf(JSON.stringify({ attributes }))).toBe(200);
  });

  it('does not repeat the body in its error message', () => {
    expect(() => parseJson(Buffer.from('secret'), 'the body')).toThrow(/^the body is not JSON$/);
  });

  it('does not change Object.prototype', () => {
    parseJson(
      Buffer.from('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}'),
      'the body',
    );
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

describe('excessOf', () => {
  it.each<[string, number, boolean]>([
    ['[[1]]', 2, false],
    ['[[[1]]]', 2, true],
    ['[[],[],[],[]]', 2, false],
    ['{"a":{"b":{}}}', 2, true],
    ['"[[[["', 0, false],
    [String.raw`"\"[[["`, 0, false],
    [String.raw`["\\",[]]`, 1, true],
  ])('says whether %s nests deeper than %i: %s', (text, maxDepth, isTooDeep) => {
    expect(excessOf(Buffer.from(text), { maxDepth, maxValues: 100 })).toBe(
      isTooDeep ? 'too deep' : undefined,
    );
  });

  it.each<[string, number]>([
    ['[1,2]', 2],
    ['{"a":1,"b":2}', 4],
    ['["[,:{"]', 1],
  ])('counts in %s %i values', (text, values) => {
    const excess = (maxValues: number) => excessOf(Buffer.from(text), { maxDepth: 9, maxValues });
    expect(excess(values)).toBeUndefined();
    expect(excess(values - 1)).toBe('too many values');
  });
});
