import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { getMetadataStorage } from 'class-validator';
import { ConnectorConfig } from '../config/index.js';
import { ConfigurationError } from '../errors.js';
import { NamePattern } from './name-pattern.js';
import {
  HandlerMetadata,
  type NotificationHandlerContract,
  type NotificationHandlerOptions,
} from './notification-handler.js';
import { RegisteredHandler } from './registered-handler.js';

/** Unless a handler says otherwise; longer than a few calls with the default `HTTP_CLIENT_TIMEOUT`. */
const DEFAULT_TIMEOUT_MS = 120_000;
/** Node's timers cannot wait longer. */
const MAX_TIMER_MS = 2_147_483_647;

interface PatternRoute {
  readonly pattern: NamePattern;
  readonly handler: RegisteredHandler;
}

/** The handlers of all modules by the notification name that they serve, built and checked at start. */
@Injectable()
export class HandlerRegistry implements OnModuleInit {
  private readonly handlers = new Map<string, RegisteredHandler>();
  private patterns: readonly PatternRoute[] = [];

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly config: ConnectorConfig,
  ) {}

  /** Every name and pattern that some handler serves. */
  get names(): readonly string[] {
    return [...this.handlers.keys(), ...new Set(this.patterns.map(({ pattern }) => pattern.text))];
  }

  find(name: string): RegisteredHandler | undefined {
    return this.handlers.get(name) ?? this.byPattern(name)?.handler;
  }

  /** What stands for a name where there must not be too many: the name, the pattern it matched, or `other`. */
  labelOf(name: string): string {
    return this.handlers.has(name) ? name : (this.byPattern(name)?.pattern.text ?? 'other');
  }

  /** @throws ConfigurationError that lists every clash and every class that is no handler. */
  onModuleInit(): void {
    const problems: string[] = [];
    const handlers = [...this.discover(problems)];
    for (const handler of handlers) this.add(handler, problems);
    this.patterns = routesOf(handlers, problems);
    if (problems.length > 0) {
      throw new ConfigurationError(`notification handlers are wrong:\n- ${problems.join('\n- ')}`);
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
        // What is coalesced, and who is to blame, is told by the class's name.
        problems.push(`two handlers are called ${className}; rename one of them`);
        continue;
      }
      seen.set(className, wrapper.metatype);
      const names = namesOf(options, this.config);
      const timeoutMs = timeoutOf(options, this.config);
      const wrong = problemsOf(instance, names, timeoutMs, options);
      problems.push(...wrong.map((problem) => `${className} ${problem}`));
      if (wrong.length === 0) yield new RegisteredHandler(className, names, timeoutMs, instance, options);
    }
  }

  private add(handler: RegisteredHandler, problems: string[]): void {
    for (const name of handler.names) {
      if (NamePattern.isPattern(name)) continue;
      const other = this.handlers.get(name);
      if (other && other.replaces === handler.replaces) {
        problems.push(
          `${other.className} and ${handler.className} both handle "${name}"; ` +
            'one of them must say that it replaces the other (replaces: true)',
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

function timeoutOf(
  { timeoutMs = DEFAULT_TIMEOUT_MS }: NotificationHandlerOptions<object>,
  config: ConnectorConfig,
) {
  return typeof timeoutMs === 'function' ? timeoutMs(config) : timeoutMs;
}

/** @returns what is wrong with a handler, each to be read after its class's name. */
function problemsOf(
  instance: Partial<NotificationHandlerContract<object | undefined>>,
  names: readonly unknown[],
  timeoutMs: number,
  { attributes, concurrency = 1, names: selector }: NotificationHandlerOptions<object>,
): string[] {
  const problems: string[] = [];
  if (typeof instance.handle !== 'function') problems.push('has no method handle(notification, context)');
  // Configuration may switch a handler off.
  const isEmpty = names.length === 0 && typeof selector !== 'function';
  if (isEmpty || names.some((name) => typeof name !== 'string' || name.trim() === '')) {
    problems.push('names no notification; give @NotificationHandler at least one name');
  }
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    problems.push('has a concurrency that is no whole number from 1');
  }
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > MAX_TIMER_MS) {
    problems.push(`has a timeoutMs that is no whole number from 1 to ${MAX_TIMER_MS}`);
  }
  if (
    attributes &&
    getMetadataStorage().getTargetValidationMetadatas(attributes, '', false, false).length === 0
  ) {
    problems.push(`has attributes: ${attributes.name}, a class without any rule of class-validator`);
  }
  return problems;
}

/** Those that replace others come first. */
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
          `${other.handler.className} ("${other.pattern.text}") and ${handler.className} ("${name}") have names ` +
            'in common; one of them must say that it replaces the other (replaces: true)',
        );
      }
      routes.push({ pattern, handler });
    }
  }
  return routes.toSorted((a, b) => Number(b.handler.replaces) - Number(a.handler.replaces));
}
