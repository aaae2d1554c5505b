import 'reflect-metadata';
import { Type as TransformType } from 'class-transformer';
import { IsInt, IsString, ValidateNested } from 'class-validator';
import { PinoLogger, type Params } from 'nestjs-pino';
import { pino } from 'pino';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ConnectorConfig, RetailerScope } from '../config/index.js';
import { ConfigurationError, PermanentError, TransientError } from '../errors.js';
import { ConnectorMetrics } from '../metrics/index.js';
import type { FluentNotification } from '../notification/index.js';
import {
  HandBack,
  type MessageQueue,
  type NotificationProcessor,
  type ProcessContext,
} from './message-queue.js';
import type { HandlerRegistry } from '../handlers/handler-registry.js';
import { NotificationDispatcher } from './notification-dispatcher.js';
import type {
  NotificationHandlerContract,
  NotificationHandlerOptions,
} from '../handlers/notification-handler.js';
import { RegisteredHandler } from '../handlers/registered-handler.js';

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
  readonly options?: Partial<NotificationHandlerOptions<object>>;
  readonly timeoutMs?: number;
}

/** What the queue is given, with one handler behind it. */
async function processor(
  handle: unknown,
  { options = {}, timeoutMs = 1000 }: Setup = {},
): Promise<(changes?: Partial<FluentNotification>, context?: Partial<ProcessContext>) => Promise<unknown>> {
  const handler = new RegisteredHandler(
    'ParcelShipped',
    ['parcel-shipped'],
    timeoutMs,
    new ParcelShipped(handle as Handle),
    { names: 'parcel-shipped', ...options },
  );
  const registry = { find: () => handler, labelOf: () => 'parcel-shipped' };
  let process: NotificationProcessor | undefined;
  const queue = { process: async (given: NotificationProcessor) => void (process = given) };
  const logger = new PinoLogger({ pinoHttp: { level: 'silent' } } as Params);
  vi.spyOn(logger, 'logger', 'get').mockReturnValue(pino({ level: 'silent' }));
  const dispatcher = new NotificationDispatcher(
    registry as unknown as HandlerRegistry,
    queue as unknown as MessageQueue,
    { role: 'all', scope: () => SCOPE } as unknown as ConnectorConfig,
    new ConnectorMetrics(),
    logger,
  );
  await dispatcher.onApplicationBootstrap();
  return async (changes = {}, context = {}) =>
    process?.(
      { ...notification, ...changes },
      { attempt: 1, acceptedAt: new Date(0), signal: new AbortController().signal, ...context },
    );
}

describe('a handler', () => {
  it('is given what the notification is about', async () => {
    const handle = vi.fn<() => Promise<undefined>>(async () => undefined);
    const run = await processor(handle);
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
      'rejects with no Error',
      () => Promise.reject('just text'),
      /^ParcelShipped\.handle\(\) failed: just text$/,
    ],
    ['rejects with nothing', () => Promise.reject(), /^ParcelShipped\.handle\(\) failed: undefined$/],
    [
      'rejects with what has no text',
      () => Promise.reject(Object.create(null)),
      /failed: a object that has no text$/,
    ],
    ['gives a number', async () => 7, /^ParcelShipped\.handle\(\) gave no outcome; return nothing/],
    ['gives null', async () => null, /gave no outcome/],
    ['gives an outcome that there is not', async () => ({ outcome: 'great' }), /gave no outcome/],
    [
      'saw something that is no text',
      async () => ({ outcome: 'updated', saw: 1 }),
      /gave a "saw" that is no text/,
    ],
  ])('that %s fails like something transient, under its own name', async (_, handle, message) => {
    const run = await processor(handle);
    const failure = run();
    await expect(failure).rejects.toThrow(message);
    await expect(failure).rejects.toBeInstanceOf(TransientError);
  });

  it.each([new PermanentError('never'), new ConfigurationError('set X'), new TransientError('later')])(
    'decides itself by throwing %s',
    async (thrown) => {
      const run = await processor(async () => {
        throw thrown;
      });
      await expect(run()).rejects.toBe(thrown);
    },
  );
});

describe('a handler that hangs', () => {
  it('is told by its signal, and fails soon after even if it does not listen', async () => {
    vi.useFakeTimers();
    let signal: AbortSignal | undefined;
    const run = await processor(
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

  it('and listens to its signal fails for the same reason', async () => {
    const run = await processor(
      (_: unknown, { signal }: { signal: AbortSignal }) =>
        new Promise((__, reject) => {
          signal.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')));
        }),
      { timeoutMs: 5 },
    );
    await expect(run()).rejects.toThrow('ParcelShipped did not finish within 5 ms');
  });

  it('is told of the shutdown, too', async () => {
    const shutdown = new AbortController();
    const reason = new Error('shutting down');
    const run = await processor(async (_: unknown, { signal }: { signal: AbortSignal }) => {
      shutdown.abort(reason);
      signal.throwIfAborted();
    });
    await expect(run({}, { signal: shutdown.signal })).rejects.toThrow('shutting down');
  });
});

describe('concurrency', () => {
  it('keeps to its limit, and hands back what has to wait for long', async () => {
    vi.useFakeTimers();
    let running = 0;
    let most = 0;
    const release: (() => void)[] = [];
    const run = await processor(
      async () => {
        most = Math.max(most, ++running);
        await new Promise<void>((resolve) => release.push(resolve));
        running--;
      },
      { options: { concurrency: 2 }, timeoutMs: 60_000 },
    );
    const ends = Array.from({ length: 6 }, () =>
      run().then(
        () => 'done',
        (error: unknown) => error,
      ),
    );
    await vi.advanceTimersByTimeAsync(0);
    // Two run, two wait, and two have already been told to come again.
    expect((await Promise.all(ends.slice(4))).every((end) => end instanceof HandBack)).toBe(true);
    release.shift()?.();
    await vi.advanceTimersByTimeAsync(0);
    expect(running).toBe(2);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await ends[3]).toBeInstanceOf(HandBack);
    for (const end of release) end();
    expect(await Promise.all([ends[0], ends[1], ends[2]])).toEqual(['done', 'done', 'done']);
    expect(most).toBe(2);
  });

  it('gets the slot of a handler that threw back', async () => {
    const run = await processor(async () => Promise.reject(new Error('oops')), {
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
  ])('are given validated, from %s', async (_, attributes) => {
    const handle = vi.fn<() => Promise<undefined>>(async () => undefined);
    const run = await processor(handle, { options });
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
    ['no JSON', /they are no JSON object/],
    [['a'], /they are no JSON object/],
    [null, /they are no JSON object/],
  ])('that break it are a dead letter that names the fields: %j', async (attributes, message) => {
    const handle = vi.fn<() => Promise<undefined>>(async () => undefined);
    const run = await processor(handle, { options });
    const failure = run({ attributes });
    await expect(failure).rejects.toThrow(message);
    await expect(failure).rejects.toBeInstanceOf(PermanentError);
    await expect(failure).rejects.not.toThrow(/secret/);
    expect(handle).not.toHaveBeenCalled();
  });
});
