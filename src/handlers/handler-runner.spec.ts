import 'reflect-metadata';
import { Type as TransformType } from 'class-transformer';
import { IsInt, IsString, ValidateNested } from 'class-validator';
import { PinoLogger, type Params } from 'nestjs-pino';
import { pino, type Logger } from 'pino';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ConnectorConfig, RetailerScope } from '../config/index.js';
import { ConfigurationError, PermanentError, TransientError } from '../errors.js';
import type { FluentNotification } from '../notification/index.js';
import { RegisteredHandler, type HandlerRegistry } from './handler-registry.js';
import { HandlerRunner, type RunContext } from './handler-runner.js';
import type { NotificationHandlerContract, NotificationHandlerOptions } from './notification-handler.js';
import { WAIT } from '../../test/support/wait.js';

afterEach(() => void vi.useRealTimers());

const SCOPE = { account: { id: 'ACME' }, retailerId: '1' } as RetailerScope;
const notification: FluentNotification = {
  id: 'n-1',
  name: 'parcel-shipped',
  accountId: 'ACME',
  retailerId: '1',
  entityType: 'ORDER',
  entityId: '5',
  entityRef: 'O_5',
};

type Handle = NotificationHandlerContract<never>['handle'];

class ParcelShipped {
  constructor(readonly handle: Handle) {}
}

interface Setup {
  readonly root?: Logger;
  readonly options?: Partial<NotificationHandlerOptions<object>>;
  readonly timeoutMs?: number;
}

/** Runs one handler; gives its result, or that it is busy. */
function runnerOf(
  handle: unknown,
  { options = {}, timeoutMs = 1000, root = pino({ level: 'silent' }) }: Setup = {},
): (changes?: Partial<FluentNotification>, context?: Partial<RunContext>) => Promise<unknown> {
  const handler = new RegisteredHandler(
    'ParcelShipped',
    ['parcel-shipped'],
    { timeoutMs },
    new ParcelShipped(handle as Handle),
    { names: 'parcel-shipped', ...options },
  );
  const registry = { find: () => handler };
  const logger = new PinoLogger({ pinoHttp: { level: 'silent' } } as Params);
  vi.spyOn(logger, 'logger', 'get').mockReturnValue(root);
  const runner = new HandlerRunner(
    registry as unknown as HandlerRegistry,
    { scope: () => SCOPE } as unknown as ConnectorConfig,
    logger,
  );
  const { signal } = new AbortController();
  const first = { attempt: 1, acceptedAt: new Date(0), isRecheck: false, signal };
  return async (changes = {}, context = {}) => {
    const run = await runner.run({ ...notification, ...changes }, { ...first, ...context });
    return run.type === 'succeeded' ? run.result : run;
  };
}

describe('a handler', () => {
  it('gets the notification and its context', async () => {
    const handle = vi.fn<() => Promise<undefined>>(async () => undefined);
    const run = runnerOf(handle);
    expect(await run({}, { attempt: 3 })).toEqual({ outcome: 'updated' });
    expect(handle).toHaveBeenCalledWith(
      notification,
      expect.objectContaining({
        scope: SCOPE,
        account: SCOPE.account,
        retailerId: '1',
        attributes: undefined,
        attempt: 3,
        acceptedAt: new Date(0),
        signal: expect.any(AbortSignal) as AbortSignal,
        logger: expect.objectContaining({ info: expect.any(Function) as unknown }) as unknown,
      }),
    );
  });

  it('gets a logger of its own, which is made when it is used', async () => {
    const root = pino({ level: 'silent' });
    const child = vi.spyOn(root, 'child');
    await runnerOf(async () => undefined, { root })();
    expect(child).not.toHaveBeenCalled();
    const bindings: unknown[] = [];
    const handle: Handle = async (_, { logger }) => void bindings.push(logger.bindings());
    await runnerOf(handle, { root })();
    expect(bindings).toEqual([{ notificationId: 'n-1', accountId: 'ACME', name: 'parcel-shipped' }]);
  });

  it.each([
    [
      'throws at once',
      () => {
        throw new TypeError('oops');
      },
      /^ParcelShipped\.handle\(\) failed: TypeError: oops$/,
    ],
    [
      'throws later',
      async () => {
        throw new RangeError('late');
      },
      /^ParcelShipped\.handle\(\) failed: RangeError: late$/,
    ],
    [
      'rejects with a string',
      () => Promise.reject('just text'),
      /^ParcelShipped\.handle\(\) failed: just text$/,
    ],
    ['rejects with nothing', () => Promise.reject(), /^ParcelShipped\.handle\(\) failed: undefined$/],
    [
      'rejects with an object without text',
      () => Promise.reject(Object.create(null)),
      /failed: a value of type object without text was thrown$/,
    ],
    ['returns a number', async () => 7, /^ParcelShipped\.handle\(\) returned no outcome; return nothing/],
    ['returns null', async () => null, /returned no outcome/],
    ['returns an unknown outcome', async () => ({ outcome: 'great' }), /returned no outcome/],
    [
      'returns an observedState that is not text',
      async () => ({ outcome: 'updated', observedState: 1 }),
      /returned an "observedState" that is not text/,
    ],
  ])('that %s fails with a transient error that names its class', async (_, handle, message) => {
    const run = runnerOf(handle);
    const failure = run();
    await expect(failure).rejects.toThrow(message);
    await expect(failure).rejects.toBeInstanceOf(TransientError);
  });

  it.each([new PermanentError('never'), new ConfigurationError('set X'), new TransientError('later')])(
    'decides about the retry by throwing %s',
    async (thrown) => {
      const run = runnerOf(async () => {
        throw thrown;
      });
      await expect(run()).rejects.toBe(thrown);
    },
  );
});

it('a handler that throws at once leaves no timer of its deadline behind', async () => {
  vi.useFakeTimers();
  const run = runnerOf(() => {
    throw new TransientError('later');
  });
  await expect(run()).rejects.toThrow('later');
  expect(vi.getTimerCount()).toBe(0);
});

describe('a handler that hangs', () => {
  it('gets an aborted signal, and fails soon after even if it ignores it', async () => {
    vi.useFakeTimers();
    let signal: AbortSignal | undefined;
    const run = runnerOf(
      async (_: unknown, context: { signal: AbortSignal }) => {
        ({ signal } = context);
        await new Promise(() => undefined);
      },
      { timeoutMs: 5000 },
    );
    const failure = run().then(
      () => undefined,
      (error: unknown) => error,
    );
    await vi.advanceTimersByTimeAsync(4999);
    expect(signal?.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(signal?.aborted).toBe(true);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await failure).toBeInstanceOf(TransientError);
    expect(String(await failure)).toContain('ParcelShipped did not finish within 5000 ms');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('fails with the time-out as its reason when it ends because of the signal', async () => {
    const run = runnerOf(
      (_: unknown, { signal }: { signal: AbortSignal }) =>
        new Promise((__, reject) => {
          signal.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')));
        }),
      { timeoutMs: 5 },
    );
    await expect(run()).rejects.toThrow('ParcelShipped did not finish within 5 ms');
  });

  it('gets an aborted signal at shutdown', async () => {
    const shutdown = new AbortController();
    const reason = new Error('shutting down');
    const run = runnerOf(async (_: unknown, { signal }: { signal: AbortSignal }) => {
      shutdown.abort(reason);
      signal.throwIfAborted();
    });
    await expect(run({}, { signal: shutdown.signal })).rejects.toThrow('shutting down');
  });
});

describe('concurrency', () => {
  it('has a limit, and a run beyond it gets the time until the next try', async () => {
    let running = 0;
    const release: (() => void)[] = [];
    const run = runnerOf(
      async () => {
        running++;
        await new Promise<void>((resolve) => release.push(resolve));
      },
      { options: { concurrency: 2 }, timeoutMs: 60_000 },
    );
    const ends = [run(), run()];
    await vi.waitFor(() => expect(release).toHaveLength(2), WAIT);
    expect(await run()).toEqual({ type: 'busy', retryInMs: expect.any(Number) as number });
    expect(running).toBe(2);
    for (const end of release) end();
    expect(await Promise.all(ends)).toEqual([{ outcome: 'updated' }, { outcome: 'updated' }]);
  });

  it('releases the slot of a handler that threw', async () => {
    const run = runnerOf(async () => Promise.reject(new Error('oops')), {
      options: { concurrency: 1 },
    });
    await expect(run()).rejects.toThrow('oops');
    await expect(run()).rejects.toThrow('oops');
  });
});

describe('attributes with a class', () => {
  class Parcel {
    @IsInt()
    weight!: number;
  }
  class Attributes {
    @IsString()
    TrackingNumber!: string;

    @ValidateNested()
    @TransformType(() => Parcel)
    parcel?: Parcel;
  }
  const options = { attributes: Attributes };

  it.each([
    ['an object', { TrackingNumber: 'T-1', more: true }],
    ['JSON text', '{"TrackingNumber":"T-1","more":true}'],
  ])('are validated and passed to the handler, from %s', async (_, attributes) => {
    const handle = vi.fn<() => Promise<undefined>>(async () => undefined);
    const run = runnerOf(handle, { options });
    await run({ attributes });
    const [[, context]] = handle.mock.calls as unknown as [[unknown, { attributes: Attributes }]];
    expect(context.attributes).toBeInstanceOf(Attributes);
    expect(context.attributes).toMatchObject({ TrackingNumber: 'T-1', more: true });
  });

  it.each([
    [{}, /^the attributes of notification parcel-shipped break Attributes: TrackingNumber must be a string;/],
    [
      { TrackingNumber: 7, parcel: { weight: 'secret' } },
      /TrackingNumber must be a string; parcel\.weight must be an integer/,
    ],
    [undefined, /TrackingNumber must be a string/],
    ['no JSON', /they are not a JSON object/],
    [['a'], /they are not a JSON object/],
    [null, /they are not a JSON object/],
  ])(
    'become a dead letter that names the fields when they break its rules: %j',
    async (attributes, message) => {
      const handle = vi.fn<() => Promise<undefined>>(async () => undefined);
      const run = runnerOf(handle, { options });
      const failure = run({ attributes });
      await expect(failure).rejects.toThrow(message);
      await expect(failure).rejects.toBeInstanceOf(PermanentError);
      await expect(failure).rejects.not.toThrow(/secret/);
      expect(handle).not.toHaveBeenCalled();
    },
  );
});
