import { describe, expect, it } from 'vitest';
import { redactCredentials } from './redact-credentials.js';

const PASSWORD = 'p@ss w"rd/+&é<1>';
const TOKEN = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJjb25uZWN0b3IifQ.c2lnbmF0dXJl';

describe('redactCredentials', () => {
  it.each([
    ['as it is', `password ${PASSWORD} is wrong`, 'password [redacted] is wrong'],
    ['in other letter case', `got ${TOKEN.toUpperCase()}`, 'got [redacted]'],
    ['as Base64', `got ${Buffer.from(PASSWORD).toString('base64')}!`, 'got [redacted]!'],
    ['as Base64 for URLs', `got ${Buffer.from(PASSWORD).toString('base64url')}!`, 'got [redacted]!'],
    [
      'encoded for a URL',
      `/token?password=${encodeURIComponent(PASSWORD)}&x=1`,
      '/token?password=[redacted]&x=1',
    ],
    ['encoded as a form', `${new URLSearchParams({ PASSWORD }).toString()}&x=1`, 'PASSWORD=[redacted]&x=1'],
    ['escaped for JSON', `in ${JSON.stringify({ PASSWORD })}`, 'in {"PASSWORD":"[redacted]"}'],
    ['escaped for HTML', '<p>p@ss w&quot;rd/+&amp;é&lt;1&gt;</p><p>x&y</p>', '<p>[redacted]</p><p>x&y</p>'],
    ['cut off', `no such token: ${TOKEN.slice(0, 40)}`, 'no such token: [redacted]'],
    ['more than once', `${TOKEN}, ${TOKEN}`, '[redacted], [redacted]'],
  ])('takes out a credential %s', (_case, text, expected) => {
    expect(redactCredentials(text, [PASSWORD, TOKEN])).toBe(expected);
  });

  it('takes out what follows a scheme of authorization, whoever sent it', () => {
    expect(redactCredentials(`authorization: Bearer ${TOKEN}; accept: *`, [])).toBe(
      'authorization: Bearer [redacted]; accept: *',
    );
    expect(redactCredentials('Basic Y2xpZW50OnNlY3JldC1vZi1vdGhlcnM=', [])).toBe('Basic [redacted]');
    expect(redactCredentials('Bearer token is missing', [])).toBe('Bearer token is missing');
  });

  it('replaces a short credential only where it stands alone', () => {
    expect(redactCredentials('user=ab&cable=ab c', ['ab', ''])).toBe('user=[redacted]&cable=[redacted] c');
  });

  it('does not fail for a token that no URL could hold', () => {
    expect(redactCredentials('refused', ['token-\ud800'])).toBe('refused');
  });

  it('reads nothing of a credential as a pattern', () => {
    expect(redactCredentials('a.*$1(b aXX$1(b', ['a.*$1(b'])).toBe('[redacted] aXX$1(b');
  });
});
