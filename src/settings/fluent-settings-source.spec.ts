import { Logger } from '@nestjs/common';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { literalConfig, literalScope } from '../../test/support/literal-config.js';
import type { RetailerScope } from '../config/index.js';
import { CircuitOpenError, PermanentError, TransientError } from '../errors.js';
import { FluentClient, type FluentSetting } from '../fluent/index.js';
import { ConnectorMetrics } from '../metrics/index.js';
import { FluentSettingsSource, pickSetting } from './fluent-settings-source.js';

const TTL_SECONDS = 300;

class FluentWithSettings extends FluentClient {
  values: Record<string, unknown> = { a: 1, b: 2, c: 3 };
  failure?: Error;
  readonly asked: string[] = [];

  override async getSettings(scope: RetailerScope, names: readonly string[]): Promise<FluentSetting[]> {
    this.asked.push(`${scope.retailerId}:${names.join()}`);
    await Promise.resolve();
    if (this.failure) throw this.failure;
    return names
      .filter((name) => name in this.values)
      .map((name) => ({ name, context: 'ACCOUNT', contextId: 0, value: this.values[name] }));
  }

  override query = () => Promise.reject(new Error('not used'));
  override getOrder = () => Promise.reject(new Error('not used'));
  override ordersUpdatedSince = () => {
    throw new Error('not used');
  };
}

describe('FluentSettingsSource', () => {
  let fluent: FluentWithSettings;
  let metrics: ConnectorMetrics;
  let source: FluentSettingsSource;
  let nowMs: number;
  const create = (settingsCacheTtlSeconds = TTL_SECONDS) =>
    new FluentSettingsSource(literalConfig({ settingsCacheTtlSeconds }), fluent, metrics);
  const value = async (...names: string[]) => (await source.get(literalScope(), names))?.value;
  const results = async () =>
    Object.fromEntries(
      (await metrics.settingsCache.get()).values.map(({ labels, value: count }) => [labels['result'], count]),
    );

  beforeEach(() => {
    nowMs = 1;
    vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
    vi.spyOn(Logger.prototype, 'warn').mockReturnValue(undefined);
    fluent = new FluentWithSettings();
    metrics = new ConnectorMetrics();
    source = create();
  });

  it('reads concurrent requests in one call', async () => {
    await expect(Promise.all([value('x', 'a'), value('b'), value('c'), value('b')])).resolves.toEqual([
      1, 2, 3, 2,
    ]);
    expect(fluent.asked).toEqual(['1:x,a,b,c']);
  });

  it('caches each retailer separately', async () => {
    await Promise.all(['1', '2'].map((retailerId) => source.get(literalScope({ retailerId }), ['a'])));
    expect(fluent.asked).toEqual(['1:a', '2:a']);
  });

  it('says when a cached value was read, and not when it is asked for', async () => {
    onTestFinished(() => void vi.useRealTimers());
    const readAt = new Date('2026-01-02T03:04:05Z');
    vi.useFakeTimers({ toFake: ['Date'], now: readAt });
    await value('a');
    vi.setSystemTime(readAt.getTime() + 60_000);
    expect(source.cached(literalScope(), ['a'])).toEqual({ readAt, isStale: false });
    expect(source.cached(literalScope(), ['b'])).toBeUndefined();
  });

  it('reads each cached value again when it is needed after expire()', async () => {
    nowMs = 50_000;
    expect([await value('a'), await value('b')]).toEqual([1, 2]);
    fluent.values = { a: 10, b: 20 };
    nowMs += 1000;
    expect([await value('a'), await value('b')]).toEqual([1, 2]);
    source.expire();
    expect([await value('a'), await value('b')]).toEqual([10, 20]);
  });

  it('caches a value, as the same object, until it expires', async () => {
    const first = await source.get(literalScope(), ['a']);
    fluent.values = { a: 'new' };
    nowMs += TTL_SECONDS * 1000 - 1;
    expect(await source.get(literalScope(), ['a'])).toBe(first);
    nowMs += 2;
    await expect(value('a')).resolves.toBe('new');
    expect(await results()).toEqual({ miss: 2, hit: 1 });
  });

  it('caches nothing with a TTL of 0', async () => {
    source = create(0);
    await value('a');
    fluent.values = { a: 'new' };
    nowMs += 2;
    await expect(value('a')).resolves.toBe('new');
  });

  it('reads a missing setting again after ten seconds', async () => {
    await expect(value('none')).resolves.toBeUndefined();
    fluent.values = { none: 'created' };
    nowMs += 9_000;
    await expect(value('none')).resolves.toBeUndefined();
    nowMs += 1_001;
    await expect(value('none')).resolves.toBe('created');
  });

  it.each([new TransientError('no answer'), new CircuitOpenError('fluent:ACME', 1000)])(
    'uses the cached value, however old, while Fluent cannot be reached (%s)',
    async (failure) => {
      await value('a');
      fluent.failure = failure;
      for (let day = 0; day < 3; day++) {
        nowMs += 86_400_000;
        await expect(value('a')).resolves.toBe(1);
        await expect(value('a')).resolves.toBe(1);
      }
      expect(fluent.asked).toHaveLength(4);
      fluent.failure = undefined;
      fluent.values = { a: 'new' };
      nowMs += 5_001;
      await expect(value('a')).resolves.toBe('new');
      expect(await results()).toEqual({ miss: 2, stale: 6 });
    },
  );

  it('fails without a cached value, and the next request asks Fluent again', async () => {
    fluent.failure = new TransientError('no answer');
    await expect(value('a')).rejects.toBe(fluent.failure);
    fluent.failure = undefined;
    await expect(value('a')).resolves.toBe(1);
    expect(await results()).toEqual({ error: 1, miss: 1 });
  });

  it('does not report a setting as missing while Fluent cannot be reached', async () => {
    await value('none');
    fluent.failure = new TransientError('no answer');
    nowMs += 10_001;
    await expect(value('none')).rejects.toBe(fluent.failure);
  });

  it('throws other failures, and still uses the old value when Fluent cannot be reached later', async () => {
    await value('a');
    nowMs += TTL_SECONDS * 1000 + 1;
    fluent.failure = new PermanentError('refused');
    await expect(value('a')).rejects.toBe(fluent.failure);
    fluent.failure = new TransientError('no answer');
    await expect(value('a')).resolves.toBe(1);
  });
});

const setting = (name: string, context: string, value: unknown): FluentSetting => ({
  name,
  context,
  contextId: context === 'RETAILER' ? 7 : 0,
  value,
});
const everywhere = (name: string) =>
  ['GLOBAL', 'ACCOUNT', 'RETAILER'].map((context) => setting(name, context, `${name} ${context}`));

describe('pickSetting', () => {
  it('picks the most specific context', () => {
    const all = everywhere('a');
    expect(pickSetting(all, ['a'])).toEqual({ name: 'a', context: 'RETAILER 7', value: 'a RETAILER' });
    expect(pickSetting(all.slice(0, 2), ['a'])?.context).toBe('ACCOUNT 0');
    expect(pickSetting(all.slice(0, 1), ['a'])?.context).toBe('GLOBAL 0');
  });

  it('prefers another spelling of the name in a more specific context', () => {
    const settings = [setting('first', 'GLOBAL', 1), ...everywhere('second')];
    expect(pickSetting(settings, ['none', 'first', 'second'])).toMatchObject({ name: 'second' });
  });

  it('picks the first name that the most specific context has', () => {
    const settings = [...everywhere('second'), ...everywhere('first')];
    expect(pickSetting(settings, ['none', 'first', 'second'])).toMatchObject({ name: 'first' });
  });

  it('returns undefined when no setting has the name', () => {
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
