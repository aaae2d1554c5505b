import { describe, expect, it } from 'vitest';
import type { FluentSetting } from '../fluent/index.js';
import { pickSetting } from './pick-setting.js';

const setting = (name: string, context: string, value: unknown): FluentSetting => ({
  name,
  context,
  contextId: context === 'RETAILER' ? 7 : 0,
  value,
});
const everywhere = (name: string) =>
  ['GLOBAL', 'ACCOUNT', 'RETAILER'].map((context) => setting(name, context, `${name} ${context}`));

describe('pickSetting', () => {
  it('takes the most specific context', () => {
    const all = everywhere('a');
    expect(pickSetting(all, ['a'])).toEqual({ name: 'a', context: 'RETAILER 7', value: 'a RETAILER' });
    expect(pickSetting(all.slice(0, 2), ['a'])?.context).toBe('ACCOUNT 0');
    expect(pickSetting(all.slice(0, 1), ['a'])?.context).toBe('GLOBAL 0');
  });

  it('takes another spelling of the name in a more specific context', () => {
    const settings = [setting('first', 'GLOBAL', 1), ...everywhere('second')];
    expect(pickSetting(settings, ['none', 'first', 'second'])).toMatchObject({ name: 'second' });
  });

  it('takes the first name that the most specific context has', () => {
    const settings = [...everywhere('second'), ...everywhere('first')];
    expect(pickSetting(settings, ['none', 'first', 'second'])).toMatchObject({ name: 'first' });
  });

  it('finds nothing', () => {
    expect(pickSetting(everywhere('a'), ['b'])).toBeUndefined();
  });

  it.each([
    [{ fluent: {} }, { fluent: {} }],
    ['{"fluent":{"A":"Open"}}', { fluent: { A: 'Open' } }],
    [' [1]', [1]],
    ['{broken', '{broken'],
    ['plain', 'plain'],
    ['42', '42'],
    ['', ''],
    [null, null],
  ])('reads the value %j as %j', (value, expected) => {
    expect(pickSetting([setting('a', 'ACCOUNT', value)], ['a'])?.value).toEqual(expected);
  });
});
