import { Logger } from '@nestjs/common';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { literalConfig, literalScope } from '../../test/support/literal-config.js';
import type { RetailerScope } from '../config/index.js';
import { CircuitOpenError, PermanentError, TransientError } from '../errors.js';
import { FluentClient, type FluentSetting } from '../fluent/index.js';
import { ConnectorMetrics } from '../metrics/index.js';
import { FluentSettingsSource } from './fluent-settings-source.js';

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

  it('reads everything that is asked for together in one call', async () => {
    await expect(Promise.all([value('x', 'a'), value('b'), value('c'), value('b')])).resolves.toEqual([
      1, 2, 3, 2,
    ]);
    expect(fluent.asked).toEqual(['1:x,a,b,c']);
  });

  it('keeps retailers apart', async () => {
    await Promise.all(['1', '2'].map((retailerId) => source.get(literalScope({ retailerId }), ['a'])));
    expect(fluent.asked).toEqual(['1:a', '2:a']);
  });

  it('remembers a value, as the same object, until its time is over', async () => {
    const first = await source.get(literalScope(), ['a']);
    fluent.values = { a: 'new' };
    nowMs += TTL_SECONDS * 1000 - 1;
    expect(await source.get(literalScope(), ['a'])).toBe(first);
    nowMs += 2;
    await expect(value('a')).resolves.toBe('new');
    expect(await results()).toEqual({ miss: 2, hit: 1 });
  });

  it('remembers nothing with a time of 0', async () => {
    source = create(0);
    await value('a');
    fluent.values = { a: 'new' };
    nowMs += 2;
    await expect(value('a')).resolves.toBe('new');
  });

  it('looks again for a missing setting after ten seconds', async () => {
    await expect(value('none')).resolves.toBeUndefined();
    fluent.values = { none: 'created' };
    nowMs += 9_000;
    await expect(value('none')).resolves.toBeUndefined();
    nowMs += 1_001;
    await expect(value('none')).resolves.toBe('created');
  });

  it.each([new TransientError('no answer'), new CircuitOpenError('fluent:ACME', 1000)])(
    'serves the remembered value without limit of age while Fluent is away (%s)',
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

  it('fails without a remembered value, and asks again at once', async () => {
    fluent.failure = new TransientError('no answer');
    await expect(value('a')).rejects.toBe(fluent.failure);
    fluent.failure = undefined;
    await expect(value('a')).resolves.toBe(1);
    expect(await results()).toEqual({ error: 1, miss: 1 });
  });

  it('does not pass off a missing setting as an answer while Fluent is away', async () => {
    await value('none');
    fluent.failure = new TransientError('no answer');
    nowMs += 10_001;
    await expect(value('none')).rejects.toBe(fluent.failure);
  });

  it('shows other failures, and still serves the old value once Fluent is away', async () => {
    await value('a');
    nowMs += TTL_SECONDS * 1000 + 1;
    fluent.failure = new PermanentError('refused');
    await expect(value('a')).rejects.toBe(fluent.failure);
    fluent.failure = new TransientError('no answer');
    await expect(value('a')).resolves.toBe(1);
  });
});
