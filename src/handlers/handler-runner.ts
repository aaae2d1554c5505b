import { Injectable, type Type } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import type { Logger } from 'pino';
import { UNEXPECTED, asConnectorError, invalidReturn, promiseOf } from '../call-override.js';
import { ConnectorConfig } from '../config/index.js';
import { ConfigurationError, ConnectorError, TransientError } from '../errors.js';
import type { FluentNotification } from '../notification/index.js';
import { inLogContext, withLazyLogger } from '../logging/index.js';
import { type Abortable, abortablesOf } from '../on-abort.js';
import { inSpan } from '../tracing/index.js';
import { HandlerRegistry, type RegisteredHandler } from './handler-registry.js';
import type { HandlerContext, HandlerResult } from './notification-handler.js';
import { readAttributes } from './read-attributes.js';

const OUTCOMES: ReadonlySet<unknown> = new Set<HandlerResult['outcome']>([
  'updated',
  'unchanged',
  'unmapped',
]);

/** What a run gets beside its notification. */
export type RunContext = Pick<HandlerContext, 'attempt' | 'acceptedAt' | 'isRecheck' | 'signal'>;

/** How a run ended when it did not fail: with a result, or before it began because the handler is busy. */
export type HandlerRun =
  | { readonly type: 'succeeded'; readonly result: HandlerResult }
  | { readonly type: 'busy'; readonly retryInMs: number };

/** Runs the handler of a notification: its attributes validated, within its time and its concurrency. */
@Injectable()
export class HandlerRunner {
  constructor(
    private readonly registry: HandlerRegistry,
    private readonly config: ConnectorConfig,
    private readonly logger: PinoLogger,
  ) {
    logger.setContext('Notifications');
  }

  /**
   * @throws ConnectorError that the handler throws. Any other error of the handler becomes a `TransientError` that
   * names its class.
   */
  async run(notification: FluentNotification, context: RunContext): Promise<HandlerRun> {
    const { name, accountId, retailerId } = notification;
    const handler = this.registry.find(name);
    if (!handler) {
      throw new ConfigurationError(
        `no handler for "${name}" in this worker, but the ingress had one; run the same version and configuration in both`,
      );
    }
    const scope = this.config.scope(accountId, retailerId);
    if (!scope) {
      throw new ConfigurationError(
        `account ${accountId}, retailer ${retailerId} is no longer configured; add it again, or remove its notifications`,
      );
    }
    const { attributesClass } = handler;
    const attributes = attributesClass && (await attributesOf(notification, attributesClass, handler));
    const slot = handler.slots?.tryAcquire();
    if (slot && 'retryInMs' in slot) return { type: 'busy', retryInMs: slot.retryInMs };
    try {
      const result = await inSpan(handler.className, {}, () =>
        this.handle(handler, notification, context, { scope, attributes }),
      );
      return { type: 'succeeded', result };
    } finally {
      slot?.release();
    }
  }

  /** @returns how long a notification of that name is remembered once it has ended; undefined: as long as any other. */
  dedupeWindowSeconds(name: string): number | undefined {
    return this.registry.find(name)?.limits.dedupeWindowSeconds;
  }

  private handle(
    { instance, className, limits: { timeoutMs } }: RegisteredHandler,
    notification: FluentNotification,
    context: RunContext,
    { scope, attributes }: Pick<HandlerContext<object | undefined>, 'scope' | 'attributes'>,
  ): Promise<HandlerResult> {
    const { id: notificationId, accountId, name } = notification;
    const { account, retailerId } = scope;
    const { logger: root } = this.logger;
    let child: Logger | undefined;
    const logger = (): Logger => (child ??= root.child({ notificationId, accountId, name }));
    const ran = withDeadline(className, timeoutMs, context.signal, (signal) => {
      const own = withLazyLogger({ ...context, scope, attributes, account, retailerId, signal }, logger);
      return inLogContext({ notificationId, accountId }, () => instance.handle(notification, own));
    });
    return ran
      .then((result) => resultOf(instance, result))
      .catch((error: unknown) => {
        const explained = asConnectorError(instance, 'handle', error);
        // The queue keeps only the name and the message. The stack helps the author of the class.
        if (explained instanceof TransientError && explained.code === UNEXPECTED && !context.signal.aborted) {
          logger().error({ err: explained.cause }, explained.message);
        }
        throw explained;
      });
  }
}

/** @throws ConnectorError when they break the rules of the class, or its rules fail. */
async function attributesOf(
  notification: FluentNotification,
  attributesClass: Type<object>,
  { className }: RegisteredHandler,
): Promise<object> {
  return readAttributes(notification, attributesClass).catch((error: unknown) => {
    throw asConnectorError(attributesClass.prototype as object, `validate for ${className}`, error);
  });
}

/** @throws TransientError when a handler reports something that is not a result. */
function resultOf(instance: object, result: HandlerResult | void): HandlerResult {
  if (result === undefined) return { outcome: 'updated' };
  const { outcome, observedState } = Object(result) as Partial<HandlerResult>;
  const isOutcome = OUTCOMES.has(outcome);
  if (isOutcome && (observedState === undefined || typeof observedState === 'string')) return result;
  throw invalidReturn(
    instance,
    'handle',
    `${isOutcome ? 'an "observedState" that is not text' : 'no outcome'}; return nothing, or ` +
      `{ outcome, observedState? } with one of ${[...OUTCOMES].join(', ')}`,
  );
}

/** How long a handler that honours the signal has to end after it. */
const GRACE_MS = 500;

/**
 * Runs a handler until its time is up. Then it aborts the handler's signal, and soon after the run fails, whether or
 * not the handler has ended. Code that ignores the signal cannot be stopped and keeps running.
 *
 * @param parent the signal of the shutdown, which is forwarded.
 * @throws TransientError when the time is up.
 */
function withDeadline<T>(
  className: string,
  timeoutMs: number,
  parent: AbortSignal,
  run: (signal: AbortSignal) => T | Promise<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const deadline = new Deadline(className, timeoutMs, parent, reject);
    promiseOf(() => run(deadline.signal)).then(
      (result) => {
        deadline.stop();
        resolve(result);
      },
      (error: unknown) => {
        deadline.stop();
        reject(deadline.explained(error));
      },
    );
  });
}

class Deadline implements Abortable {
  private readonly own = new AbortController();
  private readonly forwarding?: Set<Abortable>;
  private timer: NodeJS.Timeout;
  private timeUp?: TransientError;

  constructor(
    private readonly className: string,
    private readonly timeoutMs: number,
    parent: AbortSignal,
    private readonly reject: (error: Error) => void,
  ) {
    if (parent.aborted) this.abort(parent.reason);
    else this.forwarding = abortablesOf(parent).add(this);
    this.timer = setTimeout(() => this.end(), timeoutMs);
  }

  get signal(): AbortSignal {
    return this.own.signal;
  }

  abort(reason: unknown): void {
    this.own.abort(reason);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.forwarding?.delete(this);
  }

  /** @returns the end of the time when that is why the handler failed: the error of an aborted fetch does not contain it. */
  explained(error: unknown): unknown {
    const isOver = this.timeUp !== undefined && this.own.signal.reason === this.timeUp;
    return isOver && !(error instanceof ConnectorError) ? this.timeUp : error;
  }

  private end(): void {
    const timeUp = new TransientError(
      `${this.className} did not finish within ${this.timeoutMs} ms; make it faster, or raise its timeoutMs`,
      { code: 'Timeout' },
    );
    this.timeUp = timeUp;
    this.abort(timeUp);
    this.timer = setTimeout(() => {
      this.stop();
      this.reject(timeUp);
    }, GRACE_MS);
  }
}
