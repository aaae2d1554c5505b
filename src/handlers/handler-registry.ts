import { Injectable, Logger, type OnModuleInit, type Type } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { getMetadataStorage } from 'class-validator';
import { ConnectorConfig } from '../config/index.js';
import { ConfigurationError } from '../errors.js';
import type { FluentNotification } from '../notification/index.js';
import { HandlerSlots } from './handler-slots.js';
import { NamePattern } from './name-pattern.js';
import {
  HandlerMetadata,
  type NotificationHandlerContract,
  type NotificationHandlerOptions,
} from './notification-handler.js';

/** Longer than a few calls with the default `HTTP_CLIENT_TIMEOUT`. */
const DEFAULT_TIMEOUT_MS = 120_000;
/** Node's timers cannot wait longer. */
const MAX_TIMER_MS = 2_147_483_647;
/** Years of ids would fill Redis; a window in milliseconds would be one of years. */
const MAX_DEDUPE_WINDOW_SECONDS = 365 * 86_400;

interface PatternRoute {
  readonly pattern: NamePattern;
  readonly handler: RegisteredHandler;
}

/** The handlers of all modules by notification name, found and checked at start. */
@Injectable()
export class HandlerRegistry implements OnModuleInit {
  private readonly handlers = new Map<string, RegisteredHandler>();
  private patterns: readonly PatternRoute[] = [];

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly config: ConnectorConfig,
  ) {}

  /** Every name and pattern that a handler serves. */
  get names(): readonly string[] {
    return [...this.handlers.keys(), ...new Set(this.patterns.map(({ pattern }) => pattern.text))];
  }

  /** The handlers that serve at least one name, each once. */
  get all(): readonly RegisteredHandler[] {
    return [...new Set([...this.handlers.values(), ...this.patterns.map(({ handler }) => handler)])];
  }

  find(name: string): RegisteredHandler | undefined {
    return this.handlers.get(name) ?? this.byPattern(name)?.handler;
  }

  /** @returns a metric label for a name, from a bounded set: the name, the pattern that it matches, or `other`. */
  labelOf(name: string): string {
    return this.handlers.has(name) ? name : (this.byPattern(name)?.pattern.text ?? 'other');
  }

  /** @throws ConfigurationError that lists every clash and every class that is not a valid handler. */
  onModuleInit(): void {
    const problems: string[] = [];
    const handlers = [...this.discover(problems)];
    for (const handler of handlers) this.add(handler, problems);
    this.patterns = routesOf(handlers, problems);
    if (problems.length > 0) {
      throw new ConfigurationError(`invalid notification handlers:\n- ${problems.join('\n- ')}`);
    }
  }

  private byPattern(name: string): PatternRoute | undefined {
    return this.patterns.find(({ pattern }) => pattern.matches(name));
  }

  private *discover(problems: string[]): Generator<RegisteredHandler> {
    const seen = new Map<string, unknown>();
    for (const wrapper of this.discovery.getProviders({ metadataKey: HandlerMetadata.KEY })) {
      const options = this.discovery.getMetadataByDecorator(HandlerMetadata, wrapper);
      const instance = wrapper.instance as NotificationHandlerContract<object | undefined> | undefined;
      if (!options || !instance) continue;
      const className = instance.constructor?.name ?? wrapper.name;
      // One class may be provided by several modules, or under a second token.
      if (seen.get(className) === wrapper.metatype) continue;
      if (seen.has(className)) {
        // Coalesce keys and messages identify a handler by its class name.
        problems.push(`two handlers are called ${className}; rename one of them`);
        continue;
      }
      seen.set(className, wrapper.metatype);
      const names = namesOf(options, this.config);
      const limits = limitsOf(options, this.config);
      const wrong = problemsOf(instance, names, limits, options);
      problems.push(...wrong.map((problem) => `${className} ${problem}`));
      if (wrong.length === 0) yield new RegisteredHandler(className, names, limits, instance, options);
    }
  }

  private add(handler: RegisteredHandler, problems: string[]): void {
    for (const name of handler.names) {
      if (NamePattern.isPattern(name)) continue;
      const other = this.handlers.get(name);
      if (other && other.replaces === handler.replaces) {
        problems.push(
          `${other.className} and ${handler.className} both handle "${name}"; ` +
            'set replaces: true in the one that takes over',
        );
      } else if (!other || handler.replaces) {
        this.handlers.set(name, handler);
      }
    }
  }
}

function namesOf({ names }: NotificationHandlerOptions<object>, config: ConnectorConfig): readonly string[] {
  if (typeof names === 'function') return [...new Set(names(config))];
  return typeof names === 'string' ? [names] : [...new Set(names)];
}

/** How long a handler may run, and how long its notifications are remembered; configuration may decide. */
export interface HandlerLimits {
  readonly timeoutMs: number;
  /** Undefined: as long as any other. */
  readonly dedupeWindowSeconds?: number;
}

function limitsOf(
  { timeoutMs = DEFAULT_TIMEOUT_MS, dedupeWindowSeconds }: NotificationHandlerOptions<object>,
  config: ConnectorConfig,
): HandlerLimits {
  return {
    timeoutMs: typeof timeoutMs === 'function' ? timeoutMs(config) : timeoutMs,
    dedupeWindowSeconds:
      typeof dedupeWindowSeconds === 'function' ? dedupeWindowSeconds(config) : dedupeWindowSeconds,
  };
}

/** @returns the problems of a handler; each message continues its class name. */
function problemsOf(
  instance: Partial<NotificationHandlerContract<object | undefined>>,
  names: readonly unknown[],
  { timeoutMs, dedupeWindowSeconds }: HandlerLimits,
  options: NotificationHandlerOptions<object>,
): string[] {
  const { attributes, concurrency = 1, names: selector } = options;
  const problems: string[] = [];
  if (typeof instance.handle !== 'function') problems.push('has no method handle(notification, context)');
  // Configuration may disable a handler.
  const isEmpty = names.length === 0 && typeof selector !== 'function';
  if (isEmpty || names.some((name) => typeof name !== 'string' || name.trim() === '')) {
    problems.push('has no notification name; give @NotificationHandler at least one');
  }
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    problems.push('has an invalid concurrency; give a whole number from 1');
  }
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > MAX_TIMER_MS) {
    problems.push(`has an invalid timeoutMs; give a whole number from 1 to ${MAX_TIMER_MS}`);
  }
  const isWindow = (seconds: number): boolean =>
    Number.isInteger(seconds) && seconds >= 1 && seconds <= MAX_DEDUPE_WINDOW_SECONDS;
  if (dedupeWindowSeconds !== undefined && !isWindow(dedupeWindowSeconds)) {
    problems.push(
      `has an invalid dedupeWindowSeconds; give a whole number from 1 to ${MAX_DEDUPE_WINDOW_SECONDS}`,
    );
  }
  if (
    attributes &&
    getMetadataStorage().getTargetValidationMetadatas(attributes, '', false, false).length === 0
  ) {
    problems.push(
      `has attributes: ${attributes.name}, a class without class-validator decorators; add them to its properties`,
    );
  }
  return problems;
}

/** Handlers that replace others come first. */
function routesOf(handlers: readonly RegisteredHandler[], problems: string[]): PatternRoute[] {
  const routes: PatternRoute[] = [];
  for (const handler of handlers) {
    for (const name of handler.names) {
      if (!NamePattern.isPattern(name)) continue;
      const pattern = new NamePattern(name);
      for (const other of routes) {
        if (other.handler === handler || other.handler.replaces !== handler.replaces) continue;
        if (!pattern.overlaps(other.pattern)) continue;
        problems.push(
          `${other.handler.className} ("${other.pattern.text}") and ${handler.className} ("${name}") match the same ` +
            'names; set replaces: true in the one that takes over',
        );
      }
      routes.push({ pattern, handler });
    }
  }
  return routes.toSorted((a, b) => Number(b.handler.replaces) - Number(a.handler.replaces));
}

/** Longer keys could fill Redis. */
const MAX_TEXT = 1000;

/** A checked handler, with the names and limits that configuration gives it. */
export class RegisteredHandler {
  private readonly logger = new Logger('Handlers');
  private readonly reported = new Set<string>();
  /** Undefined when the handler does not limit its concurrency. */
  readonly slots: HandlerSlots | undefined;

  constructor(
    /** The handler's class, for logs. */
    readonly className: string,
    /** As declared: names and patterns. */
    readonly names: readonly string[],
    readonly limits: HandlerLimits,
    readonly instance: NotificationHandlerContract<object | undefined>,
    private readonly options: NotificationHandlerOptions<object>,
  ) {
    this.slots = options.concurrency === undefined ? undefined : new HandlerSlots(options.concurrency);
  }

  get replaces(): boolean {
    return this.options.replaces ?? false;
  }

  get oncePerProject(): boolean {
    return this.options.oncePerProject ?? false;
  }

  get attributesClass(): Type<object> | undefined {
    return this.options.attributes;
  }

  /** @returns the key by which the notification is coalesced, unique for each handler and account. */
  coalesceKey(notification: FluentNotification): string | undefined {
    const { coalesce } = this.options;
    if (!coalesce) return undefined;
    const { accountId, retailerId, entityType, entityId } = notification;
    const entity =
      coalesce === true ? `${entityType}:${entityId}` : this.text('coalesce', () => coalesce(notification));
    return entity === undefined ? undefined : JSON.stringify([this.className, accountId, retailerId, entity]);
  }

  expectedState(notification: FluentNotification): string | undefined {
    const { expectedState } = this.options;
    return expectedState && this.text('expectedState', () => expectedState(notification));
  }

  /**
   * Both options only save work. When one of them fails, the webhook is accepted and its notification runs like any
   * other. The failure is logged once for each option, not for each webhook.
   */
  private text(option: string, call: () => unknown): string | undefined {
    let problem: string;
    try {
      const value = call();
      if (value === undefined || (typeof value === 'string' && value.length <= MAX_TEXT)) return value;
      // An async function may reject later, which must not become an unhandled rejection.
      if (value instanceof Promise) value.catch(() => undefined);
      problem = `returned neither undefined nor a string of at most ${MAX_TEXT} characters`;
    } catch (error) {
      problem = `failed: ${String(error)}`;
    }
    if (!this.reported.has(option)) {
      this.reported.add(option);
      this.logger.error(`${option} of ${this.className} ${problem}; these notifications run without it`);
    }
    return undefined;
  }
}
