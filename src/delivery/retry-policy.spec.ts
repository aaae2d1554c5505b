import { describe, expect, it } from 'vitest';
import { CircuitOpenError, ConfigurationError, PermanentError, TransientError } from '../errors.js';
import {
  NO_FAILURES,
  decideRetry,
  describeError,
  shareFailure,
  type FailureHistory,
} from './retry-policy.js';

const config = { maxAgeSeconds: 86_400, baseDelayMs: 1000, maxDelayMs: 600_000 };
const now = 1_800_000_000_000;
const latest = (): number => 0.999999;

describe('decideRetry', () => {
  it.each([
    [0, 1000],
    [1, 2000],
    [4, 16_000],
    [9, 512_000],
    [10, 600_000],
    [5000, 600_000],
  ])('after %i failures waits at most %i ms', (attempts, ceilingMs) => {
    const history: FailureHistory = { ...NO_FAILURES, attempts, firstFailedAt: now };
    const at = (random: number) => decideRetry(new TransientError('x'), history, config, now, () => random);
    expect(at(0.999999)).toMatchObject({ next: 'retry' });
    const [low, middle, high] = [at(0), at(0.5), at(0.999999)] as { delayMs: number }[];
    expect(low!.delayMs).toBeLessThanOrEqual(1);
    expect(middle!.delayMs).toBeCloseTo(ceilingMs / 2, -2);
    expect(high!.delayMs).toBeGreaterThan(ceilingMs * 0.99);
    expect(high!.delayMs).toBeLessThanOrEqual(ceilingMs + 1);
  });

  it('waits at least as long as the upstream asked', () => {
    const error = new TransientError('slow down', { retryAfterMs: 30_000 });
    expect(decideRetry(error, NO_FAILURES, config, now, () => 0)).toMatchObject({ delayMs: 30_001 });
  });

  it('does not believe an upstream that asks for a year', () => {
    const error = new TransientError('slow down', { retryAfterMs: 31_536_000_000 });
    expect(decideRetry(error, NO_FAILURES, config, now, latest)).toMatchObject({ delayMs: 3_600_001 });
  });

  it('tries a last time when the age is reached, then gives up', () => {
    const history = { ...NO_FAILURES, attempts: 200, firstFailedAt: now - 86_399_000 };
    expect(decideRetry(new TransientError('x'), history, config, now, latest)).toMatchObject({
      next: 'retry',
      delayMs: 1001,
    });
    expect(decideRetry(new TransientError('x'), history, config, now + 1000, latest).next).toBe('dead');
  });

  it('lets an error set a shorter age', () => {
    const error = new TransientError('not there yet', { maxAgeSeconds: 60 });
    const { history } = decideRetry(error, NO_FAILURES, config, now, latest);
    const later = now + 61_000;
    expect(decideRetry(error, history, config, later, latest).next).toBe('dead');
    expect(decideRetry(new TransientError('x'), history, config, later, latest).next).toBe('retry');
  });

  it("counts an error's own retry age from its first occurrence, without the time of deferrals", () => {
    const notThere = new TransientError('not there yet', { maxAgeSeconds: 60 });
    const outage = { ...NO_FAILURES, attempts: 30, firstFailedAt: now - 7_200_000, heldMs: 3_600_000 };
    let { history } = decideRetry(notThere, outage, config, now, latest);
    expect(decideRetry(notThere, history, config, now + 59_000, latest).next).toBe('retry');
    history = decideRetry(new CircuitOpenError('x', 100_000), history, config, now, () => 0).history;
    // Workers were busy: it was deferred for 150 s, not for the planned 100 s.
    ({ history } = decideRetry(notThere, history, config, now + 150_000, latest));
    expect(history.heldMs).toBe(3_600_000 + 150_000);
    expect(decideRetry(notThere, history, config, now + 209_000, latest).next).toBe('retry');
    expect(decideRetry(notThere, history, config, now + 211_000, latest).next).toBe('dead');
  });

  it('does not count the wait after a failure for which a circuit is open', () => {
    const alone = new TransientError('HTTP 503');
    const probe = Object.assign(new TransientError('HTTP 503'), { circuitIsOpen: true });
    const endOf = (error: TransientError) => {
      const { history } = decideRetry(error, NO_FAILURES, config, now, latest);
      return decideRetry(error, history, config, now + config.maxAgeSeconds * 1000, latest).next;
    };
    expect(endOf(alone)).toBe('dead');
    expect(endOf(probe)).toBe('retry');
  });

  it('keeps the history of the failure that opens a circuit, and starts to measure the wait', () => {
    const opening = Object.assign(new TransientError('HTTP 503'), { circuitIsOpen: true });
    const before = { ...NO_FAILURES, attempts: 2, firstFailedAt: now - 5000, heldMs: 300 };
    expect(decideRetry(opening, before, config, now, latest).history).toMatchObject({
      attempts: 3,
      firstFailedAt: now - 5000,
      heldMs: 300,
      heldSince: now,
    });
  });

  it('ends the suspicion that a notification fails alone when it has waited behind a circuit', () => {
    const before = { ...NO_FAILURES, attempts: 3, firstFailedAt: now, failedAlone: 2, heldSince: now + 1000 };
    const { history } = decideRetry(new TransientError('HTTP 503'), before, config, now + 10_000, latest);
    expect(history).toMatchObject({ heldMs: 9000 });
    expect(history.failedAlone).toBeUndefined();
  });

  describe('an outage', () => {
    const HOUR_MS = 3_600_000;
    const DAY_MS = 24 * HOUR_MS;
    type AnsweredAt = (clock: number) => number;

    /** Fails every ten minutes, and tells when it becomes a dead letter. @param until milliseconds after the first failure. */
    function hoursUntilDead(answeredAt: AnsweredAt, until = 60 * DAY_MS, before = NO_FAILURES): number {
      let history = before;
      for (let clock = now; clock <= now + until; clock += 600_000) {
        const upstreamAnsweredMsAgo = clock - answeredAt(clock);
        const error = Object.assign(new TransientError('HTTP 500'), { upstreamAnsweredMsAgo });
        const decision = decideRetry(error, history, config, clock, latest);
        if (decision.next === 'dead') return (clock - now) / HOUR_MS;
        history = decision.history;
      }
      return Infinity;
    }

    it.each<[string, number, AnsweredAt]>([
      ['the upstream answers others all the time', 24, (clock) => clock - 1000],
      ['the upstream answers others once an hour', 26, (clock) => clock - (clock % HOUR_MS) - 1],
      ['the upstream never answered in this process', Infinity, () => -Infinity],
      ['the upstream has answered no request since the first failure', Infinity, () => now - 1],
      [
        'the upstream answered twice in between',
        Infinity,
        (clock) =>
          clock < now + 5 * HOUR_MS
            ? now - 1
            : clock < now + 30 * HOUR_MS
              ? now + 5 * HOUR_MS - 1
              : now + 30 * HOUR_MS - 1,
      ],
    ])('makes a dead letter of what fails while %s: after %s hours', (_, hours, answeredAt) => {
      const reached = hoursUntilDead(answeredAt);
      expect(reached).toBeGreaterThanOrEqual(hours);
      expect(reached).toBeLessThanOrEqual(hours + 2);
    });

    it('of two days leaves the whole retry age to what fails after it', () => {
      const recovered = now + 2 * DAY_MS;
      const hours = hoursUntilDead((clock) => (clock < recovered ? -Infinity : clock - 1000));
      expect(hours).toBeGreaterThanOrEqual(72);
      expect(hours).toBeLessThan(73);
    });

    it('does not reset how long a notification has failed alone before', () => {
      const alone = { ...NO_FAILURES, attempts: 100, firstFailedAt: now - 20 * HOUR_MS, failedAlone: 3 };
      expect(hoursUntilDead(() => -Infinity, 2 * DAY_MS, { ...alone, doubtSince: now })).toBe(4);
    });

    it('that opens a circuit ends the suspicion that the notification fails alone', () => {
      const alone = { ...NO_FAILURES, attempts: 3, firstFailedAt: now, doubtSince: now, failedAlone: 3 };
      const { history } = decideRetry(new CircuitOpenError('x', 1000), alone, config, now + HOUR_MS, latest);
      expect(history).toMatchObject({ heldMs: HOUR_MS });
      expect(history.failedAlone).toBeUndefined();
    });

    it('makes no dead letter of what waited meanwhile for another notification of its order', () => {
      let history = NO_FAILURES;
      for (let clock = now; clock < now + 2 * DAY_MS; clock += 30_000) {
        history = shareFailure(history, false, clock);
      }
      const at = now + 2 * DAY_MS;
      const away = Object.assign(new TransientError('HTTP 500'), { upstreamAnsweredMsAgo: Infinity });
      expect(decideRetry(away, history, config, at, latest).next).toBe('retry');
      const alone = Object.assign(new TransientError('HTTP 500'), { upstreamAnsweredMsAgo: 1000 });
      expect(decideRetry(alone, history, config, at, latest).next).toBe('dead');
      expect(decideRetry(new TransientError('not an upstream'), history, config, at, latest).next).toBe(
        'dead',
      );
    });
  });

  it('retries configuration and unknown errors on the same schedule', () => {
    for (const error of [new ConfigurationError('x'), new Error('x'), 'x', undefined]) {
      expect(decideRetry(error, NO_FAILURES, config, now, () => 0.5)).toMatchObject({
        next: 'retry',
        delayMs: 501,
      });
    }
  });

  it('never retries a permanent error', () => {
    expect(decideRetry(new PermanentError('x'), NO_FAILURES, config, now, latest)).toMatchObject({
      next: 'dead',
      history: { attempts: 1 },
    });
  });

  it('defers behind an open circuit without an attempt or retry age, until at most a minute after it may close', () => {
    let history = NO_FAILURES;
    let clock = now;
    for (let i = 0; i < 5000; i++) {
      const decision = decideRetry(
        new CircuitOpenError('fluent:ACME', 10_000),
        history,
        config,
        clock,
        latest,
      );
      if (decision.next !== 'defer') throw new Error('gave up');
      expect(decision.delayMs).toBeLessThanOrEqual(70_001);
      clock += decision.delayMs;
      history = decision.history;
    }
    expect(clock - now).toBeGreaterThan(3 * 86_400_000);
    expect(history.attempts).toBe(0);
    expect(decideRetry(new TransientError('x'), history, config, clock, latest).next).toBe('retry');
  });
});

describe('shareFailure', () => {
  it('begins the retry age of a notification that waits for a failing one', () => {
    expect(shareFailure(NO_FAILURES, false, now)).toMatchObject({
      firstFailedAt: now,
      ownAgeFrom: undefined,
    });
    expect(shareFailure(NO_FAILURES, true, now)).toMatchObject({ firstFailedAt: now, ownAgeFrom: now });
  });

  it('counts the age without the time that was deferred', () => {
    const held = { ...NO_FAILURES, heldMs: 4000 };
    expect(shareFailure(held, true, now)).toMatchObject({ ownAgeFrom: now - 4000 });
  });

  it('does not begin it anew', () => {
    const before = { ...NO_FAILURES, firstFailedAt: now - 5, ownAgeFrom: now - 3 };
    expect(shareFailure(before, true, now)).toMatchObject({ firstFailedAt: now - 5, ownAgeFrom: now - 3 });
  });
});

describe('describeError', () => {
  it('keeps class, message and code, without a stack and bounded', () => {
    expect(describeError(new TransientError('busy', { code: 'C0011E' }))).toEqual({
      name: 'TransientError',
      message: 'busy [C0011E]',
    });
    expect(describeError('x'.repeat(5000))).toEqual({ name: 'Error', message: 'x'.repeat(2000) });
  });
});
