import { describe, expect, it } from 'vitest';
import { escapeControls, escapeControlsOfJson } from './escape-controls.js';

/** An escape sequence, a forged line, a C1 control sequence, a bidi override, a line separator. */
const HOSTILE = 'a\u001b[31mb\nc\u009b2Jd\u202ee\u2028f';

describe('escapeControls', () => {
  it('shows every control and bidi character as an escape sequence', () => {
    expect(escapeControls(HOSTILE)).toBe(String.raw`a\u001b[31mb\u000ac\u009b2Jd\u202ee\u2028f`);
  });

  it('leaves text in any language as it is', () => {
    const text = 'Größe – 東京 – עברית – 👩‍👩‍👧';
    expect(escapeControls(text)).toBe(text);
  });
});

describe('escapeControlsOfJson', () => {
  it('escapes what JSON leaves as it is, and keeps the value', () => {
    const json = escapeControlsOfJson(JSON.stringify({ text: HOSTILE }));
    expect(json).toMatch(/^[\x20-\x7e]*$/);
    expect(JSON.parse(json)).toEqual({ text: HOSTILE });
  });
});
