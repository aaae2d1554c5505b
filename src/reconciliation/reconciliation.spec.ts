import type { PinoLogger } from 'nestjs-pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ACCOUNT, literalConfig, literalScope } from '../../test/support/literal-config.js';
import type { ConnectorConfig } from '../config/index.js';
import type { FluentClient, FluentOrder } from '../fluent/index.js';
import type { NotificationIntake } from '../delivery/index.js';
import type { FluentNotification } from '../notification/index.js';
import type { ReconciliationState } from './reconciliation-state.js';
import { Reconciliation } from './reconciliation.js';

const INTERVAL_SECONDS = 5;
const OVERLAP_SECONDS = 60;
const START = Date.parse('2026-01-01T00:00:00.000Z');

/** Keeps the watermarks in memory, and gives the turn while `isOurTurn`. */
class MemoryState {
  readonly watermarks = new Map<string, Date>();
  readonly intervalsMs: number[] = [];
  isOurTurn = true;

  async takeTurn(intervalMs: number, look: (signal: AbortSignal) => Promise<void>): Promise<boolean> {
    this.intervalsMs.push(intervalMs);
    if (this.isOurTurn) await look(new AbortController().signal);
    return this.isOurTurn;
  }
  watermark = async (accountId: string): Promise<Date | undefined> => this.watermarks.get(accountId);
  setWatermark = async (accountId: string, seenUntil: Date): Promise<void> =>
    void this.watermarks.set(accountId, seenUntil);
}

let state: MemoryState;
let updated: Map<string, FluentOrder[] | Error>;
let asked: { accountId: string; since: number }[];
let submitted: FluentNotification[];
let whileReading: () => void;
let running: Reconciliation[];

beforeEach(() => {
  vi.useFakeTimers({ now: START, toFake: ['Date', 'setTimeout', 'clearTimeout'] });
  state = new MemoryState();
  updated = new Map();
  asked = [];
  submitted = [];
  whileReading = () => undefined;
  running = [];
});
afterEach(async () => {
  for (const reconciliation of running) await reconciliation.beforeApplicationShutdown();
  vi.useRealTimers();
});

async function* ordersUpdatedSince(accountId: string, since: Date): AsyncGenerator<FluentOrder> {
  asked.push({ accountId, since: since.getTime() });
  whileReading();
  const orders = updated.get(accountId) ?? [];
  if (orders instanceof Error) throw orders;
  yield* orders;
}

const ignore = (): void => undefined;

async function submit(notification: FluentNotification): Promise<'accepted'> {
  submitted.push(notification);
  return 'accepted';
}

function start(changes: Partial<ConnectorConfig> = {}): Reconciliation {
  const config = literalConfig({
    role: 'all',
    orderStatusEventNames: ['order-status'],
    reconciliation: { intervalSeconds: INTERVAL_SECONDS, overlapSeconds: OVERLAP_SECONDS },
    scope: (_, retailerId) => (retailerId === '1' ? literalScope() : undefined),
    ...changes,
  });
  const logger = { setContext: ignore, info: ignore, warn: ignore };
  const reconciliation = new Reconciliation(
    config,
    state as unknown as ReconciliationState,
    { ordersUpdatedSince } as unknown as FluentClient,
    { submit } as unknown as NotificationIntake,
    logger as unknown as PinoLogger,
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
  const before = state.intervalsMs.length;
  while (state.intervalsMs.length === before) await vi.advanceTimersToNextTimerAsync();
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
    expect(asked).toHaveLength(1);
  });

  it.each<[string, Partial<ConnectorConfig>]>([
    ['with an interval of 0', { reconciliation: { intervalSeconds: 0, overlapSeconds: 60 } }],
    ['in a process that only accepts webhooks', { role: 'ingress' }],
  ])('never looks %s', async (_, changes) => {
    start(changes);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(state.intervalsMs).toEqual([]);
  });

  it('looks no more after the shutdown began', async () => {
    const reconciliation = start();
    await nextLook();
    await reconciliation.beforeApplicationShutdown();
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(state.intervalsMs).toHaveLength(1);
  });
});

describe('what reconciliation asks for', () => {
  it('begins one overlap before the first look when there is no watermark', async () => {
    start();
    await nextLook();
    expect(asked).toEqual([{ accountId: 'ACME', since: Date.now() - OVERLAP_SECONDS * 1000 }]);
  });

  it('goes on one overlap before the newest update that it has seen', async () => {
    const newest = START + 1000;
    updated.set('ACME', [order('O_1', newest), order('O_2', newest - 500)]);
    state.watermarks.set('ACME', new Date(START));
    start();
    await nextLook();
    await nextLook();
    expect(asked.map(({ since }) => since)).toEqual([
      START - OVERLAP_SECONDS * 1000,
      newest - OVERLAP_SECONDS * 1000,
    ]);
  });

  it('never moves the watermark back', async () => {
    const seenUntil = new Date(START + 2000);
    state.watermarks.set('ACME', seenUntil);
    updated.set('ACME', [order('O_1', START)]);
    start();
    await nextLook();
    expect(state.watermarks.get('ACME')).toEqual(seenUntil);
  });

  it('never moves the watermark beyond the beginning of the look', async () => {
    updated.set('ACME', [order('O_1', START + 60_000)]);
    let beganAt = 0;
    whileReading = () => {
      beganAt = Date.now();
      vi.setSystemTime(beganAt + 30_000);
    };
    start();
    await nextLook();
    expect(beganAt).toBeGreaterThan(START);
    expect(state.watermarks.get('ACME')).toEqual(new Date(beganAt));
  });

  it('keeps the watermark of an account that cannot be asked, and asks the others', async () => {
    const accounts = ['ACME', 'OTHER'].map((id) => ({ ...ACCOUNT, id }));
    const seenUntil = new Date(START - 1000);
    state.watermarks.set('ACME', seenUntil);
    state.watermarks.set('OTHER', seenUntil);
    updated.set('ACME', new Error('Fluent is away'));
    updated.set('OTHER', [order('O_1', START)]);
    start({ accounts });
    await nextLook();
    expect(state.watermarks.get('ACME')).toEqual(seenUntil);
    expect(state.watermarks.get('OTHER')).toEqual(new Date(START));
    expect(submitted.map(({ accountId }) => accountId)).toEqual(['OTHER']);
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
