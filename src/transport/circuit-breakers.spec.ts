import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CircuitOpenError, PermanentError, TransientError } from '../errors.js';
import { ConnectorMetrics } from '../metrics/index.js';
import { CircuitBreakers } from './circuit-breakers.js';
import { OutageError, ServerFaultError } from './outage-error.js';

const TARGET = 'fluent:ACME';

describe('CircuitBreakers', () => {
  let metrics: ConnectorMetrics;
  let breakers: CircuitBreakers;
  const failWith = async (error: Error) => {
    const call = async () => {
      throw error;
    };
    await expect(breakers.execute(TARGET, call)).rejects.toBe(error);
  };
  const fail = () => failWith(new OutageError('down'));
  const succeed = () => breakers.execute(TARGET, () => Promise.resolve('ok'));
  const open = async (error?: Error) => {
    for (let calls = 0; calls < 10; calls++) await (error ? failWith(error) : fail());
    expect(breakers.states()).toEqual({ [TARGET]: 'open' });
  };
  const gauge = async () => (await metrics.circuitOpen.get()).values;

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date', 'performance'] });
    metrics = new ConnectorMetrics();
    breakers = new CircuitBreakers(metrics);
    breakers.register(TARGET);
  });
  afterEach(() => void vi.useRealTimers());

  it('shows a registered target as closed before its first call', async () => {
    expect(breakers.states()).toEqual({ [TARGET]: 'closed' });
    expect(await gauge()).toEqual([{ labels: { target: TARGET }, value: 0 }]);
  });

  it('opens after outages, sends nothing then, and says for how long', async () => {
    await open();
    const call = vi.fn<() => Promise<void>>(() => Promise.resolve());
    const error = await breakers.execute(TARGET, call).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CircuitOpenError);
    expect(error).toMatchObject({ target: TARGET, retryAfterMs: 1000 });
    expect(call).not.toHaveBeenCalled();
    expect(await gauge()).toEqual([{ labels: { target: TARGET }, value: 1 }]);
  });

  it('stays open for as long as Retry-After says', async () => {
    await open(new OutageError('slow down', { retryAfterMs: 45_000 }));
    await expect(succeed()).rejects.toMatchObject({ retryAfterMs: 45_000 });
  });

  it('reports before a call whether the circuit would reject it, without using up the probe', async () => {
    expect(() => breakers.throwIfOpen(TARGET)).not.toThrow();
    expect(() => breakers.throwIfOpen('never called')).not.toThrow();
    await open();
    expect(() => breakers.throwIfOpen(TARGET)).toThrow(expect.objectContaining({ retryAfterMs: 1000 }));
    vi.advanceTimersByTime(1000);
    breakers.throwIfOpen(TARGET);
    let answer: () => void = () => undefined;
    const probe = breakers.execute(TARGET, () => new Promise<void>((resolve) => (answer = resolve)));
    expect(() => breakers.throwIfOpen(TARGET)).toThrow(CircuitOpenError);
    answer();
    await probe;
    expect(() => breakers.throwIfOpen(TARGET)).not.toThrow();
  });

  it('is not opened by answers that refuse one order', async () => {
    for (let calls = 0; calls < 50; calls++) await failWith(new PermanentError('no such field'));
    expect(breakers.states()).toEqual({ [TARGET]: 'closed' });
  });

  it('stays closed while most calls succeed', async () => {
    for (let calls = 0; calls < 50; calls++) await (calls % 3 === 0 ? fail() : succeed());
    expect(breakers.states()).toEqual({ [TARGET]: 'closed' });
  });

  describe('server faults', () => {
    const faultFor = (subject: string) =>
      breakers
        .execute(TARGET, () => Promise.reject(new ServerFaultError('HTTP 500')), { subject })
        .catch((error: unknown) => error as TransientError);

    it('open the circuit when nearly all calls fail, for different orders', async () => {
      for (let call = 0; call < 10; call++) await faultFor(`order ${call}`);
      expect(breakers.states()).toEqual({ [TARGET]: 'open' });
    });

    it('do not open the circuit when they are about two orders only', async () => {
      for (let call = 0; call < 50; call++) await faultFor(`order ${call % 2}`);
      expect(breakers.states()).toEqual({ [TARGET]: 'closed' });
    });

    it('do not open the circuit at the share at which outages do', async () => {
      for (let call = 0; call < 50; call++) await (call % 4 === 0 ? succeed() : faultFor(`order ${call}`));
      expect(breakers.states()).toEqual({ [TARGET]: 'closed' });
    });

    it('keep the circuit open when the probe meets one', async () => {
      await open();
      vi.advanceTimersByTime(1000);
      await faultFor('order 1');
      expect(breakers.states()).toEqual({ [TARGET]: 'open' });
    });
  });

  it('marks a failure for which the circuit is open, so that the wait after it is not retry age', async () => {
    const alone = new OutageError('down');
    await failWith(alone);
    expect(alone.circuitIsOpen).toBe(false);
    for (let calls = 0; calls < 9; calls++) await fail();
    vi.advanceTimersByTime(1000);
    const probe = new OutageError('down');
    await failWith(probe);
    expect(probe.circuitIsOpen).toBe(true);
  });

  describe('reads and writes', () => {
    const call = (isWrite: boolean, isAnswered: boolean, subject = 'order') =>
      breakers
        .execute(
          TARGET,
          () => (isAnswered ? Promise.resolve() : Promise.reject(new ServerFaultError('500'))),
          {
            isWrite,
            operation: isWrite ? 'Search' : 'OrderByNumber',
            subject,
          },
        )
        .catch((error: unknown) => error);
    const openForWrites = async () => {
      for (let order = 0; order < 10; order++) {
        await call(false, true, `order ${order}`);
        await call(true, false, `order ${order}`);
      }
    };

    it('open the circuit when all writes fail, although every read succeeds, and let reads through', async () => {
      await openForWrites();
      expect(breakers.states()).toEqual({ [TARGET]: 'open' });
      expect((await gauge())[0]?.value).toBe(1);
      expect(await call(true, true)).toBeInstanceOf(CircuitOpenError);
      expect(await call(false, true)).toBeUndefined();
      expect(() => breakers.throwIfOpen(TARGET)).not.toThrow();
    });

    it('close the circuit of writes when a write succeeds, not when a read does', async () => {
      await openForWrites();
      vi.advanceTimersByTime(1000);
      await call(false, true);
      expect(breakers.states()).toEqual({ [TARGET]: 'open' });
      await call(true, true);
      expect(breakers.states()).toEqual({ [TARGET]: 'closed' });
      expect((await gauge())[0]?.value).toBe(0);
    });
  });

  describe('a failure', () => {
    const answer = (operation: string) => breakers.execute(TARGET, () => Promise.resolve(), { operation });
    const failFor = async (thrown: TransientError): Promise<TransientError> => {
      const call = async () => {
        throw thrown;
      };
      await expect(breakers.execute(TARGET, call, { operation: 'OrderById' })).rejects.toBe(thrown);
      return thrown;
    };

    it('says how long ago the upstream answered the same operation', async () => {
      expect((await failFor(new ServerFaultError('HTTP 500'))).upstreamAnsweredMsAgo).toBe(Infinity);
      await answer('Settings');
      expect((await failFor(new OutageError('HTTP 503'))).upstreamAnsweredMsAgo).toBe(Infinity);
      await answer('OrderById');
      vi.advanceTimersByTime(700);
      expect((await failFor(new TransientError('odd'))).upstreamAnsweredMsAgo).toBe(700);
    });
  });

  it('keeps targets apart', async () => {
    await open();
    breakers.register('commercetools:shop');
    await expect(breakers.execute('commercetools:shop', () => Promise.resolve(1))).resolves.toBe(1);
  });

  it('lets one probe through when its time is over, refuses the others, and closes when the probe succeeds', async () => {
    await open();
    vi.advanceTimersByTime(1000);
    let finish: (result: string) => void = () => {};
    const probe = breakers.execute(TARGET, () => new Promise<string>((resolve) => (finish = resolve)));
    expect(breakers.states()).toEqual({ [TARGET]: 'half-open' });
    const burst = vi.fn<() => Promise<void>>(() => Promise.resolve());
    const others = await Promise.allSettled(
      Array.from({ length: 10 }, () => breakers.execute(TARGET, burst)),
    );
    expect(others.every((other) => other.status === 'rejected')).toBe(true);
    expect(burst).not.toHaveBeenCalled();
    finish('ok');
    await expect(probe).resolves.toBe('ok');
    expect(breakers.states()).toEqual({ [TARGET]: 'closed' });
    expect(await gauge()).toEqual([{ labels: { target: TARGET }, value: 0 }]);
  });

  it('opens for longer after each failed probe, up to 30 seconds', async () => {
    await open();
    const durations: number[] = [];
    for (let probes = 0; probes < 7; probes++) {
      const error = (await succeed().catch((thrown: unknown) => thrown)) as CircuitOpenError;
      durations.push(error.retryAfterMs!);
      vi.advanceTimersByTime(error.retryAfterMs!);
      await fail();
    }
    expect(durations).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  });

  it('does not take an aborted probe for a success', async () => {
    await open();
    vi.advanceTimersByTime(1000);
    const abort = new AbortController();
    const reason = new Error('shutting down');
    const probe = breakers.execute(
      TARGET,
      () => {
        abort.abort(reason);
        return Promise.reject(reason);
      },
      { signal: abort.signal },
    );
    await expect(probe).rejects.toBe(reason);
    expect(breakers.states()).toEqual({ [TARGET]: 'open' });
  });
});
