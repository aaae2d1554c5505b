import { Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { UNEXPECTED, asConnectorError, invalidReturn } from '../call-override.js';
import { ConnectorConfig } from '../config/index.js';
import { ConfigurationError, TransientError } from '../errors.js';
import type { FluentNotification } from '../notification/index.js';
import { inSpan } from '../tracing/index.js';
import { withDeadline } from './handler-deadline.js';
import { HandlerRegistry } from './handler-registry.js';
import type { HandlerContext, HandlerResult } from './notification-handler.js';
import { readAttributes } from './read-attributes.js';
import type { RegisteredHandler } from './registered-handler.js';

const OUTCOMES: ReadonlySet<unknown> = new Set<HandlerResult['outcome']>([
  'updated',
  'unchanged',
  'unmapped',
]);

/** What a run is told beside its notification. */
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
   * @throws ConnectorError what the handler throws; anything else that it throws becomes a `TransientError`
   * that names its class.
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
    const attributes = await this.attributesOf(notification, handler);
    const slot = handler.slots?.tryAcquire();
    if (slot && 'retryInMs' in slot) return { type: 'busy', retryInMs: slot.retryInMs };
    try {
      const result = await inSpan(handler.className, {}, () =>
        this.handle(handler, notification, { ...context, scope, attributes }),
      );
      return { type: 'succeeded', result };
    } finally {
      slot?.release();
    }
  }

  private async attributesOf(
    notification: FluentNotification,
    { attributesClass, className }: RegisteredHandler,
  ): Promise<object | undefined> {
    if (!attributesClass) return undefined;
    return readAttributes(notification, attributesClass).catch((error: unknown) => {
      throw asConnectorError(attributesClass.prototype as object, `validate for ${className}`, error);
    });
  }

  private async handle(
    { instance, className, timeoutMs }: RegisteredHandler,
    notification: FluentNotification,
    context: RunContext & Pick<HandlerContext<object | undefined>, 'scope' | 'attributes'>,
  ): Promise<HandlerResult> {
    const { id: notificationId, accountId, name } = notification;
    const { account, retailerId } = context.scope;
    const logger = this.logger.logger.child({ notificationId, accountId, name });
    try {
      const result = await withDeadline(className, timeoutMs, context.signal, async (signal) =>
        instance.handle(notification, { ...context, account, retailerId, logger, signal }),
      );
      return resultOf(instance, result);
    } catch (error) {
      const explained = asConnectorError(instance, 'handle', error);
      // The queue keeps name and message; where it broke is for whoever wrote the class.
      if (explained instanceof TransientError && explained.code === UNEXPECTED && !context.signal.aborted) {
        logger.error({ err: explained.cause }, explained.message);
      }
      throw explained;
    }
  }
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
