import { describe, expect, it } from 'vitest';
import { CircuitOpenError, ConfigurationError, PermanentError, TransientError } from '../errors.js';
import { decide, reportOf, type Decision, type DeliveryPolicy, type Settlement } from './decide.js';
import type { Delivery } from './delivery.js';

const NOW = 1_800_000_000_000;
const RECHECK_MS = 3000;
const policy: DeliveryPolicy = {
  retry: { maxAgeSeconds: 86_400, baseDelayMs: 1000, maxDelayMs: 600_000 },
  recheckDelayMs: RECHECK_MS,
};
const us = (ms: number): number => ms * 1000;

/** Accepted a second ago, taken now. */
function delivery(changes: Partial<Delivery> = {}): Delivery {
  return {
    id: 'job',
    notification: {
      id: 'n-1',
      name: 'order-status',
      accountId: 'ACME',
      retailerId: '1',
      entityId: '5',
      entityRef: 'O_5',
      entityType: 'ORDER',
    },
    coalesceKey: 'order-5',
    acceptedNumber: us(NOW - 1000),
    ticket: { number: us(NOW), epoch: 'e' },
    background: false,
    progress: {},
    workerDeaths: 0,
    takenAtMs: NOW,
    ...changes,
  };
}
const taken = { type: 'taken' } as const;
const succeeded = (result: Parameters<typeof resultEvent>[0]) => resultEvent(result);
function resultEvent(result: Extract<Parameters<typeof decide>[1], { type: 'succeeded' }>['result']) {
  return { type: 'succeeded', result } as const;
}
const failed = (error: unknown) => ({ type: 'failed', error }) as const;
const half = (): number => 0.5;
/** At least RECHECK_DELAY after the acceptance, at most one more. */
function expectRecheckInTime(decision: Decision): void {
  const { delayMs } = decision as Extract<Decision, { action: 'recheck' }>;
  expect(delayMs).toBeGreaterThanOrEqual(RECHECK_MS - 1000);
  expect(delayMs).toBeLessThanOrEqual(2 * RECHECK_MS);
}

describe('a notification that was taken', () => {
  it('runs when no run has covered it', () => {
    expect(decide(delivery(), taken, policy, NOW)).toEqual({ action: 'run' });
  });

  it('runs when the newest run began before its acceptance', () => {
    const coverage = { number: us(NOW - 1000) - 1, observedState: 'BOOKED' };
    expect(decide(delivery({ coverage }), taken, policy, NOW)).toEqual({ action: 'run' });
  });

  it('is not covered by a run with its own number', () => {
    const coverage = { number: us(NOW - 1000) };
    expect(decide(delivery({ coverage }), taken, policy, NOW)).toEqual({ action: 'run' });
  });

  it('is superseded by a run that began after its acceptance', () => {
    const coverage = { number: us(NOW - 1000) + 1 };
    expect(decide(delivery({ coverage }), taken, policy, NOW)).toMatchObject({
      action: 'done',
      outcome: 'superseded',
      lagMs: 1000,
    });
  });

  it('is not superseded by a run that began before its own last run ended, which may have written after it', () => {
    const coverage = { number: us(NOW - 500) };
    const ranUntil = us(NOW - 400);
    expect(decide(delivery({ coverage, ranUntil }), taken, policy, NOW)).toEqual({ action: 'run' });
    const later = { number: ranUntil + 1 };
    expect(decide(delivery({ coverage: later, ranUntil }), taken, policy, NOW)).toMatchObject({
      action: 'done',
      outcome: 'superseded',
    });
  });

  it('is superseded by a run that observed the state that it announced', () => {
    const coverage = { number: us(NOW - 500), observedState: 'SHIPPED' };
    const announced = delivery({ coverage, expectedState: 'SHIPPED' });
    expect(decide(announced, taken, policy, NOW)).toMatchObject({ action: 'done', outcome: 'superseded' });
  });

  it('is rechecked when the covering run observed another state than it announced', () => {
    const coverage = { number: us(NOW - 500), observedState: 'PACKED' };
    const decision = decide(delivery({ coverage, expectedState: 'SHIPPED' }), taken, policy, NOW);
    expect(decision).toMatchObject({
      action: 'recheck',
      progress: { firstRun: { outcome: 'superseded', lagMs: 1000 } },
    });
    expectRecheckInTime(decision);
  });

  it('is superseded by a run that began RECHECK_DELAY after its acceptance, whatever it observed', () => {
    const coverage = { number: us(NOW - 1000 + RECHECK_MS), observedState: 'PACKED' };
    const announced = delivery({ coverage, expectedState: 'SHIPPED' });
    expect(decide(announced, taken, policy, NOW)).toMatchObject({ action: 'done', outcome: 'superseded' });
  });

  it('runs at once when its recheck is due and no run has rechecked', () => {
    const late = delivery({
      acceptedNumber: us(NOW - RECHECK_MS),
      coverage: { number: us(NOW - 500), observedState: 'PACKED' },
      expectedState: 'SHIPPED',
    });
    expect(decide(late, taken, policy, NOW)).toEqual({ action: 'run' });
  });

  it('wakes with the other notifications of its burst, so that one run rechecks them all', () => {
    const wakesAt = (acceptedMs: number): number => {
      const decision = decide(
        delivery({
          acceptedNumber: us(acceptedMs),
          coverage: { number: us(NOW), observedState: 'PACKED' },
          expectedState: 'SHIPPED',
        }),
        taken,
        policy,
        NOW,
      );
      return NOW + (decision as Extract<Settlement, { action: 'recheck' }>).delayMs;
    };
    const all = Array.from({ length: 10 }, (_, n) => wakesAt(NOW - 1000 + n));
    expect(new Set(all).size).toBeLessThanOrEqual(2);
    // One moment for each RECHECK_DELAY, whenever the notifications came.
    const spread = Array.from({ length: 40 }, (_, n) => wakesAt(NOW - 1000 + n * 10));
    for (const wake of spread) expect((wake - spread[0]!) % RECHECK_MS).toBe(0);
  });

  it('wakes at another moment than the notifications of other orders', () => {
    const delays = Array.from({ length: 50 }, (_, n) => {
      const decision = decide(
        delivery({
          coalesceKey: `order-${n}`,
          coverage: { number: us(NOW - 500), observedState: 'PACKED' },
          expectedState: 'SHIPPED',
        }),
        taken,
        policy,
        NOW,
      );
      return (decision as Extract<Settlement, { action: 'recheck' }>).delayMs;
    });
    expect(new Set(delays).size).toBeGreaterThan(25);
  });

  it('does not wait for a clock that ran ahead and left numbers in the future', () => {
    const hourAhead = us(NOW + 3_600_000);
    const ahead = delivery({
      acceptedNumber: hourAhead,
      ticket: { number: hourAhead + 2, epoch: 'e' },
      coverage: { number: hourAhead + 1, observedState: 'PACKED' },
      expectedState: 'SHIPPED',
    });
    const first = decide(ahead, taken, policy, NOW) as Extract<Settlement, { action: 'recheck' }>;
    expect(first.action).toBe('recheck');
    expect(first.delayMs).toBeLessThanOrEqual(2 * RECHECK_MS);
    const again = { ...ahead, progress: first.progress };
    expect(decide(again, taken, policy, NOW + first.delayMs)).toEqual({ action: 'run' });
    expect(
      decide(again, succeeded({ outcome: 'unchanged', observedState: 'PACKED' }), policy, NOW),
    ).toMatchObject({ action: 'done' });
  });

  it('waits while a failed run of its order holds the order back, and shares its failure', () => {
    const waiting = delivery({ failing: { notBeforeMs: NOW + 5000, hasOwnAge: true } });
    expect(decide(waiting, taken, policy, NOW, half)).toEqual({
      action: 'defer',
      delayMs: 5500,
      progress: {
        failures: { attempts: 0, holds: 0, heldMs: 0, firstFailedAt: NOW, doubtSince: NOW, ownAgeFrom: NOW },
      },
      background: false,
    });
    expect(decide(waiting, taken, policy, NOW + 5000)).toEqual({ action: 'run' });
  });

  it.each([
    [2, undefined, 'run'],
    [3, undefined, 'retry'],
    [3, 3, 'run'],
    [4, 3, 'retry'],
  ])(
    'with %i worker deaths, %s of them at its last back-off, leads to %s',
    (workerDeaths, deathsSeen, action) => {
      const suspicious = delivery({ workerDeaths, progress: { deathsSeen } });
      const decision = decide(suspicious, taken, policy, NOW, half);
      expect(decision.action).toBe(action);
      if (decision.action !== 'retry') return;
      expect(decision.progress).toMatchObject({
        deathsSeen: workerDeaths,
        error: { message: `${workerDeaths} workers died while they ran this notification [Stalled]` },
      });
      expect(decision.delayMs).toBeGreaterThan(100);
    },
  );
});

describe('a notification that cannot run now', () => {
  it('waits for the given time, and nothing has failed', () => {
    const progress = { deathsSeen: 1 };
    expect(decide(delivery({ progress }), { type: 'busy', retryInMs: 70 }, policy, NOW)).toEqual({
      action: 'defer',
      delayMs: 70,
      progress,
      background: false,
    });
  });

  it.each([
    [0, 25, 75],
    [1, 50, 150],
    [6, 1600, 4800],
    [60, 1600, 4800],
  ])('waits for a run of its order, after %i waits between %i and %i ms', (waits, shortest, longest) => {
    const at = (random: number) =>
      decide(delivery({ progress: { waits } }), { type: 'busy' }, policy, NOW, () => random);
    expect(at(0)).toEqual({
      action: 'defer',
      delayMs: shortest,
      progress: { waits: waits + 1 },
      background: false,
    });
    expect(at(1)).toMatchObject({ delayMs: longest });
  });

  it('goes to another worker at once when its process shuts down', () => {
    expect(decide(delivery(), { type: 'interrupted' }, policy, NOW)).toEqual({
      action: 'defer',
      delayMs: 0,
      progress: {},
      run: {},
      background: false,
    });
  });
});

describe('a run that succeeded', () => {
  it('is done, and covers what was accepted before it began', () => {
    const details = { orderNumber: '5' };
    const event = succeeded({ outcome: 'updated', observedState: 'SHIPPED', details });
    expect(decide(delivery({ expectedState: 'SHIPPED' }), event, policy, NOW)).toEqual({
      action: 'done',
      outcome: 'updated',
      lagMs: 1000,
      details,
      coverage: { number: us(NOW), observedState: 'SHIPPED' },
      run: { changed: true },
      ifOutrun: { firstRun: { outcome: 'updated', lagMs: 1000, details } },
    });
  });

  it.each([
    ['updated', true],
    ['unchanged', false],
    ['unmapped', false],
  ] as const)('that ended %s tells the queue whether it changed something: %s', (outcome, changed) => {
    for (const recheck of [true, false]) {
      expect(decide(delivery(), succeeded({ outcome, recheck }), policy, NOW)).toMatchObject({
        run: { changed },
      });
    }
  });

  it('needs a run that began later when it was outrun, and then reports what changed', () => {
    const first = decide(delivery(), succeeded({ outcome: 'updated' }), policy, NOW);
    const { ifOutrun } = first as Extract<Settlement, { action: 'done' }>;
    const again = delivery({
      progress: ifOutrun!,
      coverage: { number: us(NOW + 1) },
      ranUntil: us(NOW + 2),
      ticket: { number: us(NOW + 3), epoch: 'e' },
    });
    expect(decide(again, taken, policy, NOW + 50)).toEqual({ action: 'run' });
    expect(decide(again, succeeded({ outcome: 'unchanged' }), policy, NOW + 50)).toMatchObject({
      action: 'done',
      outcome: 'updated',
      lagMs: 1000,
    });
  });

  it('covers nothing without a key, or when it reports supersedesPending: false', () => {
    const gaveUp = succeeded({ outcome: 'unchanged', supersedesPending: false });
    expect(decide(delivery(), gaveUp, policy, NOW)).toMatchObject({ coverage: undefined });
    const keyless = decide(
      delivery({ coalesceKey: undefined }),
      succeeded({ outcome: 'updated' }),
      policy,
      NOW,
    );
    expect(keyless).toMatchObject({ action: 'done', coverage: undefined });
  });

  it('is rechecked when it observed another state than announced, and covers others meanwhile', () => {
    const event = succeeded({ outcome: 'unchanged', observedState: 'PACKED' });
    const decision = decide(delivery({ expectedState: 'SHIPPED' }), event, policy, NOW);
    expect(decision).toMatchObject({
      action: 'recheck',
      progress: { firstRun: { outcome: 'unchanged', lagMs: 1000 } },
      coverage: { number: us(NOW), observedState: 'PACKED' },
    });
    expectRecheckInTime(decision);
  });

  it.each([
    ['it began RECHECK_DELAY after the acceptance', { acceptedNumber: us(NOW - RECHECK_MS) }, 'PACKED'],
    ['it observed nothing', {}, undefined],
    ['nothing was announced', { expectedState: undefined }, 'PACKED'],
    ['it is a recheck', { progress: { firstRun: { outcome: 'updated', lagMs: 7 } } }, 'PACKED'],
  ] as const)('is not rechecked when %s', (_, changes, observedState) => {
    const announced = delivery({ expectedState: 'SHIPPED', ...changes });
    const event = succeeded({ outcome: 'unchanged', observedState });
    expect(decide(announced, event, policy, NOW).action).toBe('done');
  });

  it('is rechecked once when it asks for it, by a run that begins RECHECK_DELAY later', () => {
    const event = succeeded({ outcome: 'updated', recheck: true });
    const first = decide(delivery(), event, policy, NOW) as Extract<Settlement, { action: 'recheck' }>;
    expect(first).toMatchObject({
      action: 'recheck',
      delayMs: RECHECK_MS,
      progress: { recheckFrom: us(NOW + RECHECK_MS) },
    });
    const again = delivery({ progress: first.progress, coverage: { number: us(NOW), observedState: 'X' } });
    // Its own first run has covered it, and is not enough.
    expect(decide(again, taken, policy, NOW + RECHECK_MS)).toEqual({ action: 'run' });
    expect(decide(again, event, policy, NOW).action).toBe('done');
    const rechecked = { ...again, coverage: { number: us(NOW + RECHECK_MS) } };
    expect(decide(rechecked, taken, policy, NOW + RECHECK_MS)).toMatchObject({
      action: 'done',
      outcome: 'updated',
      lagMs: 1000,
    });
  });

  it.each([
    ['unchanged', { outcome: 'updated', lagMs: 7 }],
    ['updated', { outcome: 'updated', lagMs: 1000 }],
  ] as const)('reports the first run unless the recheck changed something: %s', (outcome, reported) => {
    const recheck = delivery({ progress: { firstRun: { outcome: 'updated', lagMs: 7 } } });
    expect(decide(recheck, succeeded({ outcome }), policy, NOW)).toMatchObject(reported);
  });
});

describe('the details of a recheck', () => {
  const recheck = (first: 'updated' | 'unchanged', details?: Record<string, unknown>) =>
    decide(
      delivery({ progress: { firstRun: { outcome: first, lagMs: 7, details: { from: 'first' } } } }),
      succeeded({ outcome: 'unchanged', details }),
      policy,
      NOW,
    );

  it('replace those of the first run when neither run changed anything', () => {
    expect(recheck('unchanged', { from: 'recheck' })).toMatchObject({
      lagMs: 7,
      details: { from: 'recheck' },
    });
    expect(recheck('unchanged')).toMatchObject({ lagMs: 7, details: { from: 'first' } });
  });

  it('are left out when the first run changed something', () => {
    expect(recheck('updated', { from: 'recheck' })).toMatchObject({ lagMs: 7, details: { from: 'first' } });
  });
});

describe('a run that failed', () => {
  it('is retried, holds its order back, and remembers the error', () => {
    const event = failed(new TransientError('busy', { code: 'C0011E' }));
    expect(decide(delivery(), event, policy, NOW, half)).toEqual({
      action: 'retry',
      delayMs: 501,
      progress: {
        failures: { attempts: 1, firstFailedAt: NOW, holds: 0, heldMs: 0, ownAgeFrom: undefined },
        error: { name: 'TransientError', message: 'busy [C0011E]' },
      },
      error: event.error,
      holdKeyMs: 501,
      hasOwnAge: false,
      run: {},
      background: true,
    });
  });

  it('holds its order back for half a minute at most', () => {
    const failures = { attempts: 9, holds: 0, heldMs: 0, firstFailedAt: NOW };
    const event = failed(new TransientError('not there yet', { maxAgeSeconds: 3600 }));
    expect(decide(delivery({ progress: { failures } }), event, policy, NOW, half)).toMatchObject({
      delayMs: 256_001,
      holdKeyMs: 30_000,
      hasOwnAge: true,
    });
  });

  it('is deferred behind an open circuit, and no attempt is used up', () => {
    const error = new CircuitOpenError('commercetools:shop', 2000);
    expect(decide(delivery(), failed(error), policy, NOW, half)).toMatchObject({
      action: 'defer',
      delayMs: 2501,
      progress: { failures: { attempts: 0, holds: 1, heldSince: NOW } },
      error,
    });
  });

  it('becomes a dead letter at once when the error is permanent', () => {
    const error = new PermanentError('never');
    expect(decide(delivery(), failed(error), policy, NOW)).toMatchObject({
      action: 'dead',
      progress: { error: { name: 'PermanentError', message: 'never' }, failures: { attempts: 1 } },
      error,
    });
  });

  it('becomes a dead letter when its retry age is over', () => {
    const failures = { attempts: 200, holds: 0, heldMs: 0, firstFailedAt: NOW - 86_400_000 };
    const event = failed(new ConfigurationError('set X'));
    expect(decide(delivery({ progress: { failures } }), event, policy, NOW).action).toBe('dead');
  });

  it('keeps the due recheck in mind', () => {
    const progress = { firstRun: { outcome: 'unchanged', lagMs: 7 }, recheckFrom: 9 } as const;
    expect(decide(delivery({ progress }), failed('text'), policy, NOW)).toMatchObject({ progress });
  });
});

describe('the lane in which a delivery comes again', () => {
  const events = {
    'has to wait': { type: 'busy' },
    'is interrupted': { type: 'interrupted' },
    'is behind an open circuit': failed(new CircuitOpenError('fluent:ACME', 1000)),
    'is rechecked': succeeded({ outcome: 'updated', recheck: true }),
  } as const;
  it.each(Object.entries(events))('stays the same when it %s', (_, event) => {
    for (const background of [true, false]) {
      expect(decide(delivery({ background }), event, policy, NOW)).toMatchObject({ background });
    }
  });

  it('is the background after a failure', () => {
    expect(decide(delivery(), failed(new TransientError('busy')), policy, NOW)).toMatchObject({
      action: 'retry',
      background: true,
    });
  });
});

describe('reportOf', () => {
  const at = delivery({ progress: { failures: { attempts: 2, holds: 0, heldMs: 0 } } });
  const common = { notification: at.notification, attempt: 3 };
  it('has the outcome, lag and details of a finished notification', () => {
    const done = { action: 'done', outcome: 'updated', lagMs: 7, details: { a: 1 } } as const;
    expect(reportOf(at, done, NOW)).toEqual({ ...common, outcome: 'updated', lagMs: 7, details: { a: 1 } });
  });

  it.each([new TransientError('x'), new PermanentError('x'), new CircuitOpenError('x', 1), 'text'])(
    'has the error of a failure: %s',
    (error) => {
      const settlement = decide(at, failed(error), policy, NOW);
      const { outcome, lagMs, error: told } = reportOf(at, settlement, NOW) ?? {};
      expect([outcome, lagMs]).toEqual([settlement.action === 'dead' ? 'dead' : 'retried', 1000]);
      expect(told).toEqual(typeof error === 'string' ? new Error(error) : error);
    },
  );

  it('says nothing of a recheck, nor of a deferral without an open circuit', () => {
    expect(reportOf(at, { action: 'recheck', delayMs: 1, progress: {} }, NOW)).toBeUndefined();
    expect(reportOf(at, { action: 'defer', delayMs: 1, progress: {} }, NOW)).toBeUndefined();
  });

  it('never has a negative lag when the clock of the store is behind', () => {
    const settlement = decide(at, failed('x'), policy, NOW);
    expect(reportOf(at, settlement, NOW - 10_000)?.lagMs).toBe(0);
  });
});
