import { Logger } from '@nestjs/common';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { literalConfig, literalScope } from '../../test/support/literal-config.js';
import type { ConnectorConfig } from '../config/index.js';
import type { MappingOverview, StatusMapper } from '../mapping/index.js';
import { MappingGaps, gapsOf } from './mapping-gaps.js';
import type { SkippedStatuses } from './skipped-statuses.js';
import { WAIT } from '../../test/support/wait.js';

const overviewOf = (statuses: object): MappingOverview => ({
  sources: ['the.mapping'],
  statuses: new Map(Object.entries(statuses)),
});
const INCOMPLETE = overviewOf({
  BOOKED: { orderState: 'Confirmed', paymentState: 'Paid' },
  PICK_PACK: { orderState: 'Confirmed' },
});
const COMPLETE = overviewOf({ BOOKED: { orderState: 'Confirmed', paymentState: 'Paid' } });

describe('gapsOf', () => {
  it('lists the statuses that one mapping has and another lacks', () => {
    expect(gapsOf(INCOMPLETE)).toEqual({ paymentState: ['PICK_PACK'] });
  });

  it('lists nothing for a mapping that is switched off, or has every status', () => {
    expect(gapsOf(COMPLETE)).toEqual({});
    expect(gapsOf(overviewOf({}))).toEqual({});
  });
});

describe('MappingGaps', () => {
  const log = vi.fn<(message: unknown) => void>();
  const warn = vi.fn<(message: unknown) => void>();
  beforeEach(() => {
    log.mockClear();
    warn.mockClear();
    vi.spyOn(Logger.prototype, 'log').mockImplementation(log);
    vi.spyOn(Logger.prototype, 'warn').mockImplementation(warn);
  });

  function started(
    overview: StatusMapper['overview'],
    changes: Partial<ConnectorConfig> = {},
    unavailability?: string,
  ): MappingGaps {
    const config = literalConfig({
      statusHistory: { isOn: true, changeRules: [] },
      scopes: () => [literalScope()],
      ...changes,
    });
    const mapper = { map: async () => ({}), overview };
    const gaps = new MappingGaps(config, mapper, {
      unavailability: () => unavailability,
    } as unknown as SkippedStatuses);
    gaps.onApplicationBootstrap();
    return gaps;
  }

  it('names them in the log at the start, for each retailer, and once', async () => {
    const gaps = started(async () => INCOMPLETE);
    await vi.waitFor(() => expect(log).toHaveBeenCalledTimes(1), WAIT);
    expect(log.mock.calls[0]?.[0]).toMatch(
      /^Fluent account ACME, retailer 1: paymentState has no entry for PICK_PACK\. At these statuses .* call needless$/,
    );
    expect(gaps.get()).toEqual([
      {
        accountId: 'ACME',
        retailerId: '1',
        lacking: { paymentState: ['PICK_PACK'] },
        unavailability: undefined,
      },
    ]);
    expect(log).toHaveBeenCalledTimes(1);
  });

  it('are none until the mappings have been read', () => {
    expect(started(() => new Promise(() => undefined)).get()).toEqual([]);
  });

  it('names every state with every status that it lacks', async () => {
    started(async () =>
      overviewOf({
        RECEIVED: { orderState: 'Open' },
        BOOKED: { paymentState: 'Paid' },
        COMPLETE: { orderState: 'Complete' },
      }),
    );
    await vi.waitFor(
      () =>
        expect(log).toHaveBeenCalledWith(
          expect.stringContaining(
            'orderState has no entry for BOOKED; paymentState has no entry for RECEIVED, COMPLETE.',
          ),
        ),
      WAIT,
    );
  });

  it('names them again only for another retailer, however often they are read', async () => {
    const clock = vi.spyOn(performance, 'now').mockReturnValue(0);
    let overview = INCOMPLETE;
    const gaps = started(async () => overview, {
      scopes: () => ['1', '2'].map((retailerId) => literalScope({ retailerId })),
    });
    await vi.waitFor(() => expect(gaps.get()).toHaveLength(2), WAIT);
    overview = overviewOf({
      ...Object.fromEntries(INCOMPLETE.statuses),
      SHIPPED: { orderState: 'Complete' },
    });
    clock.mockReturnValue(60_000);
    gaps.get();
    await vi.waitFor(
      () =>
        expect(gaps.get()).toMatchObject([
          { lacking: { paymentState: ['PICK_PACK', 'SHIPPED'] } },
          { lacking: { paymentState: ['PICK_PACK', 'SHIPPED'] } },
        ]),
      WAIT,
    );
    expect(log.mock.calls.map(([message]) => String(message).split(':')[0])).toEqual([
      'Fluent account ACME, retailer 1',
      'Fluent account ACME, retailer 2',
    ]);
    clock.mockRestore();
  });

  it('reports nothing for complete mappings', async () => {
    const overview = vi.fn<() => Promise<MappingOverview>>(async () => COMPLETE);
    const gaps = started(overview);
    await vi.waitFor(() => expect(overview).toHaveBeenCalledTimes(1), WAIT);
    await new Promise(setImmediate);
    expect([gaps.get(), log.mock.calls]).toEqual([[], []]);
  });

  it('looks at a hundred retailers at most', async () => {
    const scopes = Array.from({ length: 101 }, (_, index) => literalScope({ retailerId: String(index) }));
    const gaps = started(async () => INCOMPLETE, { scopes: () => scopes });
    await vi.waitFor(() => expect(gaps.get()).toHaveLength(100), WAIT);
  });

  it('warns when the status history is off', async () => {
    started(async () => INCOMPLETE, { statusHistory: { isOn: false, changeRules: [] } });
    // Other specs of this process may still warn of something.
    await vi.waitFor(
      () =>
        expect(warn.mock.calls.map(([message]) => message)).toContainEqual(
          expect.stringMatching(/STATUS_HISTORY=off these states can stay behind; give each status/),
        ),
      WAIT,
    );
  });

  it('says why nothing makes up for them', async () => {
    const gaps = started(async () => INCOMPLETE, {}, 'it is off');
    await vi.waitFor(() => expect(gaps.get()).toMatchObject([{ unavailability: 'it is off' }]), WAIT);
  });

  it('reads them again when they are asked for a minute later', async () => {
    const clock = vi.spyOn(performance, 'now').mockReturnValue(0);
    let overview = COMPLETE;
    const gaps = started(async () => overview);
    overview = INCOMPLETE;
    clock.mockReturnValue(59_999);
    gaps.get();
    await new Promise(setImmediate);
    expect(gaps.get()).toEqual([]);
    clock.mockReturnValue(60_000);
    gaps.get();
    await vi.waitFor(() => expect(gaps.get()).toHaveLength(1), WAIT);
    clock.mockRestore();
  });

  it('does not call Fluent in an ingress', () => {
    const overview = vi.fn<() => Promise<MappingOverview>>();
    started(overview, { role: 'ingress' });
    expect(overview).not.toHaveBeenCalled();
  });

  it('continues when the mappings cannot be read', async () => {
    const debug = vi.spyOn(Logger.prototype, 'debug').mockReturnValue();
    const gaps = started(async () => Promise.reject(new Error('Fluent is down')));
    await vi.waitFor(
      () =>
        expect(debug).toHaveBeenCalledWith(
          'mappings of retailer 1 of Fluent account ACME are not known: Error: Fluent is down',
        ),
      WAIT,
    );
    expect(gaps.get()).toEqual([]);
  });
});
