import { describe, expect, it } from 'vitest';
import { correlationHeader } from './correlation-id.js';

describe('correlationHeader', () => {
  it.each([
    ['b34281d0-ada4-11e9-a1a7-5da7a83b9sd97cd', 'b34281d0-ada4-11e9-a1a7-5da7a83b9sd97cd'],
    ['a/b_c-1234', 'a/b_c-1234'],
    ['id\r\nX-Evil: 1', 'id--X-Evil--1'],
    ['naïve 日本', 'na-ve---'],
    ['1', '1-------'],
    ['x'.repeat(1000), 'x'.repeat(256)],
  ])('makes %j safe', (text, header) => {
    expect(correlationHeader(text)).toBe(header);
  });
});
