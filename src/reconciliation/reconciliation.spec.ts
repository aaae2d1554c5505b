import type { PinoLogger } from 'nestjs-pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ACCOUNT, literalConfig, literalScope } from '../../test/support/literal-config.js';
import type { ConnectorConfig } from '../config/index.js';
import { PermanentError, TransientError } from '../errors.js';
import { OutageError } from '../transport/index.js';
import type { FluentClient, FluentOrder, UpdatedFluentOrder } from '../fluent/index.js';
import type { NotificationIntake } from '../delivery/index.js';
import type { FluentNotification } from '../notification/index.js';
import { ConnectorMetrics } from '../metrics/index.js';
import type { ReconciliationState, Watermark } from './reconciliation-state.js';
import { Reconciliation } from './reconciliation.js';
import type { SyncedUpdates } from '../order-status/index.js';

const INTERVAL_SECONDS = 5;
const OVERLAP_SECONDS = 60;
/** The ref of an order that Fluent cannot answer with. */
const UNREADABLE = 'UNREADABLE';
const HOUR_MS = 3_600_000;
const START = Date.parse('2026-01-01T00:00:00.000Z');

/** Keeps the watermarks in memory, and gives the turn while `isOurTurn`. */
class MemoryState {
  readonly watermarks = new Map<string, Watermark>();
  readonly looked: string[] = [];
  readonly intervalsMs: number[] = [];
  isOurTurn = true;
  turnsEnded = 0;

  async takeTurn(intervalMs: number, look: (signal: AbortSignal) => Promise<void>): Promise<boolean> {
    this.intervalsMs.push(intervalMs);
    try {
      if (this.isOurTurn) await look(new AbortController().signal);
      return this.isOurTurn;
    } finally {
      this.turnsEnded++;
    }
  }
  watermark = async (accountId: string): Promise<Watermark | undefined> => this.watermarks.get(accountId);
  setWatermark = async (accountId: string, watermark: Watermark): Promise<void> =>
    void this.watermarks.set(accountId, watermark);
  setLookedAt = async (accountId: string): Promise<void> => void this.looked.push(accountId);

  /** What is seen was seen just now. */
  reach(accountId: string, seenUntil: number, reachedAt = START): void {
    this.watermarks.set(accountId, { seenUntil: new Date(seenUntil), reachedAt: new Date(reachedAt) });
  }
  seenUntil = (accountId: string): number | undefined => this.watermarks.get(accountId)?.seenUntil.getTime();
}

let state: MemoryState;
let updated: Map<string, FluentOrder[] | Error>;
let asked: { accountId: string; since: number }[];
let submitted: FluentNotification[];
let synced: UpdatedFluentOrder[];
let reported: object[];
let whileReading: () => void;
let running: Reconciliation[];

beforeEach(() => {
  vi.useFakeTimers({ now: START, toFake: ['Date', 'setTimeout', 'clearTimeout'] });
  state = new MemoryState();
  updated = new Map();
  asked = [];
  submitted = [];
  synced = [];
  reported = [];
  whileReading = () => undefined;
  running = [];
});
afterEach(async () => {
  for (const reconciliation of running) await reconciliation.beforeApplicationShutdown();
  vi.useRealTimers();
});

async function* ordersUpdatedSince(
  accountId: string,
  since: Date,
  { until = new Date(8.64e15) }: { until?: Date } = {},
): AsyncGenerator<FluentOrder> {
  asked.push({ accountId, since: since.getTime() });
  whileReading();
  const orders = updated.get(accountId) ?? [];
  if (orders instanceof Error) throw orders;
  for (const each of orders) {
    const at = Date.parse(each.updatedOn ?? '');
    if (at < since.getTime() || at > until.getTime()) continue;
    if (each.ref === UNREADABLE) throw new TransientError('HTTP 200 without data');
    yield each;
  }
}

const ignore = (): void => undefined;
const report = (fields: object): void => void reported.push(fields);

async function submit(notification: FluentNotification): Promise<'accepted'> {
  submitted.push(notification);
  return 'accepted';
}

const isSynced = async (_: string, { id, updatedOn }: UpdatedFluentOrder): Promise<boolean> =>
  synced.some((each) => each.id === id && each.updatedOn === updatedOn);

function start(changes: Partial<ConnectorConfig> = {}): Reconciliation {
  const config = literalConfig({
    role: 'all',
    orderStatusEventNames: ['order-status'],
    reconciliation: { intervalSeconds: INTERVAL_SECONDS, overlapSeconds: OVERLAP_SECONDS },
    scope: (_, retailerId) => (retailerId === '1' ? literalScope() : undefined),
    ...changes,
  });
  const logger = { setContext: ignore, info: ignore, warn: ignore, error: report };
  const reconciliation = new Reconciliation(
    config,
    state as unknown as ReconciliationState,
    { ordersUpdatedSince } as unknown as FluentClient,
    { submit } as unknown as NotificationIntake,
    { isSynced } as unknown as SyncedUpdates,
    logger as unknown as PinoLogger,
    new ConnectorMetrics(),
  );
  reconciliation.onApplicationBootstrap();
  running.push(reconciliation);
  return reconciliation;
}

function order(ref: string, updatedAt: number, retailerId = '1'): FluentOrder {
  const updatedOn = new Date(updatedAt).toISOString();
  return { id: `id-${ref}`, ref, type: 'HD', status: 'BOOKED', retailerId, updatedOn, attributes: [] };
}

/** Lets the next look begin and end. */
async function nextLook(): Promise<void> {
  vi.spyOn(Math, 'random').mockReturnValue(0);
  const before = state.turnsEnded;
  while (state.turnsEnded === before) await vi.advanceTimersToNextTimerAsync();
}

describe('when reconciliation looks', () => {
  it.each([
    ['half the interval at the earliest', 0, 2500],
    ['the whole interval at the latest', 1, 5000],
  ])('waits %s, so that replicas started together do not ask together', async (_, random, waitMs) => {
    vi.spyOn(Math, 'random').mockReturnValue(random);
    start();
    await vi.advanceTimersByTimeAsync(waitMs - 1);
    expect(state.intervalsMs).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(state.intervalsMs).toEqual([INTERVAL_SECONDS * 1000]);
  });

  it('asks every 10 seconds at most whether a long interval has passed', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(1);
    start({ reconciliation: { intervalSeconds: 3600, overlapSeconds: 0 } });
    await vi.advanceTimersByTimeAsync(30_000);
    expect(state.intervalsMs).toEqual([3_600_000, 3_600_000, 3_600_000]);
  });

  it('asks Fluent for nothing while it is the turn of another replica', async () => {
    start();
    state.isOurTurn = false;
    await nextLook();
    expect(asked).toEqual([]);
    state.isOurTurn = true;
    await nextLook();
    expect(asked.length).toBeGreaterThan(0);
  });

  it.each<[string, Partial<ConnectorConfig>]>([
    ['with an interval of 0', { reconciliation: { intervalSeconds: 0, overlapSeconds: 60 } }],
    ['in a process that only accepts webhooks', { role: 'ingress' }],
  ])('never looks %s', async (_, changes) => {
    start(changes);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(state.intervalsMs).toEqual([]);
  });

  it('schedules no look after the shutdown began, neither between two looks nor when one ends', async () => {
    const between = start();
    await nextLook();
    await between.beforeApplicationShutdown();
    expect(vi.getTimerCount()).toBe(0);

    const during = start();
    let shutdown: Promise<void> | undefined;
    whileReading = () => {
      shutdown ??= during.beforeApplicationShutdown();
    };
    await nextLook();
    await shutdown;
    expect(vi.getTimerCount()).toBe(0);
  });
});

const sinces = (): number[] => asked.map(({ since }) => since);

describe('what reconciliation asks for', () => {
  it('reaches back an overlap and an hour at the first look, because the clock of Fluent may be behind', async () => {
    updated.set('ACME', [order('O_1', START - HOUR_MS)]);
    start();
    await nextLook();
    expect(sinces()[0]).toBe(Date.now() - OVERLAP_SECONDS * 1000 - HOUR_MS);
    expect(submitted.map(({ entityRef }) => entityRef)).toEqual(['O_1']);
  });

  it('follows a clock of Fluent that is behind, and skips no update', async () => {
    const behindMs = HOUR_MS / 2;
    updated.set('ACME', [order('O_1', START - behindMs)]);
    start();
    await nextLook();
    updated.set('ACME', [order('O_2', Date.now() - behindMs)]);
    await nextLook();
    expect(submitted.map(({ entityRef }) => entityRef)).toEqual(['O_1', 'O_2']);
  });

  it('continues one overlap before the newest update that it has seen', async () => {
    const newest = START + 1000;
    updated.set('ACME', [order('O_1', newest), order('O_2', newest - 500)]);
    state.reach('ACME', START);
    start();
    await nextLook();
    const reachedAt = Date.now();
    await nextLook();
    expect(sinces().at(-1)).toBe(newest + (Date.now() - reachedAt) - OVERLAP_SECONDS * 1000);
  });

  it('does not read the last updates of a quiet account again once the overlap is over', async () => {
    state.reach('ACME', START - HOUR_MS, START - OVERLAP_SECONDS * 1000);
    updated.set('ACME', [order('O_1', START - HOUR_MS)]);
    start();
    await nextLook();
    expect(sinces()[0]).toBe(START - HOUR_MS + 1);
    expect(submitted).toEqual([]);
  });

  it('reads a long time in windows of an hour, and keeps what it has seen when a later one fails', async () => {
    state.reach('ACME', START - 5 * HOUR_MS);
    const orders = [order('O_1', START - 4.5 * HOUR_MS), order('O_2', START - 3 * HOUR_MS)];
    updated.set('ACME', orders);
    whileReading = () => {
      if (asked.length === 4) throw new OutageError('HTTP 503');
    };
    start();
    await nextLook();
    expect(state.seenUntil('ACME')).toBe(START - 3 * HOUR_MS);
    expect(state.looked).toEqual([]);
    whileReading = ignore;
    await nextLook();
    expect(state.looked).toEqual(['ACME']);
  });

  it('finds and reports the one order that Fluent cannot return, and continues after it', async () => {
    state.reach('ACME', START - 2 * HOUR_MS);
    const unreadableAt = START - HOUR_MS;
    updated.set('ACME', [
      order('O_1', unreadableAt - 1000),
      order(UNREADABLE, unreadableAt),
      order('O_2', unreadableAt + 1),
    ]);
    start();
    await nextLook();
    expect(submitted.map(({ entityRef }) => entityRef)).toEqual(expect.arrayContaining(['O_1', 'O_2']));
    expect(reported).toMatchObject([{ accountId: 'ACME', updatedOn: new Date(unreadableAt).toISOString() }]);
    expect(state.seenUntil('ACME')).toBe(unreadableAt + 1);
    expect(state.looked).toEqual(['ACME']);
  });

  it('gives a look up at once when nothing can be read, and skips nothing', async () => {
    state.reach('ACME', START - HOUR_MS);
    updated.set('ACME', new PermanentError('C0121E'));
    start();
    await nextLook();
    expect(asked).toHaveLength(2);
    expect(reported).toEqual([]);
    expect(state.looked).toEqual([]);
  });

  it('never moves the watermark back', async () => {
    state.reach('ACME', START + 2000);
    updated.set('ACME', [order('O_1', START)]);
    start();
    await nextLook();
    expect(state.seenUntil('ACME')).toBe(START + 2000);
  });

  it('never moves the watermark beyond the beginning of the look', async () => {
    updated.set('ACME', [order('O_1', START + 60_000)]);
    let beganAt = 0;
    whileReading = () => {
      beganAt ||= Date.now();
      vi.setSystemTime(beganAt + 30_000);
    };
    start();
    await nextLook();
    expect(beganAt).toBeGreaterThan(START);
    expect(state.seenUntil('ACME')).toBe(beganAt);
  });

  it('keeps the watermark of an account that cannot be asked, and asks the others', async () => {
    const accounts = ['ACME', 'OTHER'].map((id) => ({ ...ACCOUNT, id }));
    const seenUntil = START - 1000;
    state.reach('ACME', seenUntil);
    state.reach('OTHER', seenUntil);
    updated.set('ACME', new OutageError('Fluent is away'));
    updated.set('OTHER', [order('O_1', START)]);
    start({ accounts });
    await nextLook();
    expect(state.seenUntil('ACME')).toBe(seenUntil);
    expect(state.seenUntil('OTHER')).toBe(START);
    expect(submitted.map(({ accountId }) => accountId)).toEqual(['OTHER']);
    expect(state.looked).toEqual(['OTHER']);
  });
});

describe('what reconciliation queues', () => {
  it('is one notification for each updated order of a configured retailer', async () => {
    updated.set('ACME', [order('O_1', START), order('STRANGER', START, '2'), order('O_2', START)]);
    start();
    await nextLook();
    expect(submitted).toMatchObject([
      { name: 'order-status', accountId: 'ACME', retailerId: '1', entityId: 'id-O_1', entityRef: 'O_1' },
      { name: 'order-status', accountId: 'ACME', retailerId: '1', entityId: 'id-O_2', entityRef: 'O_2' },
    ]);
  });

  it('is nothing for an update that a sync has seen, and the next update of that order', async () => {
    updated.set('ACME', [order('O_1', START), order('O_2', START)]);
    synced = [order('O_1', START)];
    start();
    await nextLook();
    expect(submitted.map(({ entityRef }) => entityRef)).toEqual(['O_2']);
    expect(state.seenUntil('ACME')).toBe(START);
    updated.set('ACME', [order('O_1', START + 1)]);
    await nextLook();
    expect(submitted.map(({ entityRef }) => entityRef)).toEqual(['O_2', 'O_1']);
  });

  it('has the same id for the same update, so that an overlap costs nothing', async () => {
    updated.set('ACME', [order('O_1', START)]);
    start();
    await nextLook();
    await nextLook();
    updated.set('ACME', [order('O_1', START + 1)]);
    await nextLook();
    const [one, again, later] = submitted.map(({ id }) => id);
    expect(again).toBe(one);
    expect(later).not.toBe(one);
  });
});
