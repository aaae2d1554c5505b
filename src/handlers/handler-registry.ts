import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { ConnectorConfig } from '../config/index.js';
import { ConfigurationError } from '../errors.js';
import type { FluentNotification } from '../notification/index.js';
import {
  HandlerMetadata,
  type NotificationHandlerContract,
  type NotificationHandlerOptions,
} from './notification-handler.js';

/** A handler as the registry knows it. */
export class RegisteredHandler {
  constructor(
    /** The handler's class, for logs. */
    readonly className: string,
    readonly names: readonly string[],
    readonly instance: NotificationHandlerContract,
    private readonly options: NotificationHandlerOptions,
  ) {}

  get replaces(): boolean {
    return this.options.replaces ?? false;
  }

  /** @returns what the notification is coalesced by, unique per handler and account. */
  coalesceKey(notification: FluentNotification): string | undefined {
    const { coalesce } = this.options;
    if (!coalesce) return undefined;
    const { accountId, retailerId, entityType, entityId } = notification;
    const entity = coalesce === true ? `${entityType}:${entityId}` : coalesce(notification);
    return entity === undefined ? undefined : JSON.stringify([this.className, accountId, retailerId, entity]);
  }

  announces(notification: FluentNotification): string | undefined {
    return this.options.announces?.(notification);
  }
}

/** The handlers of all modules by the notification name that they serve, built and checked at start. */
@Injectable()
export class HandlerRegistry implements OnModuleInit {
  private readonly handlers = new Map<string, RegisteredHandler>();

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly config: ConnectorConfig,
  ) {}

  /** Every name that some handler serves. */
  get names(): readonly string[] {
    return [...this.handlers.keys()];
  }

  find(name: string): RegisteredHandler | undefined {
    return this.handlers.get(name);
  }

  /** @throws ConfigurationError that lists every clash and every class that is no handler. */
  onModuleInit(): void {
    const problems: string[] = [];
    for (const handler of this.discover(problems)) this.add(handler, problems);
    if (problems.length > 0) {
      throw new ConfigurationError(`notification handlers are wrong:\n- ${problems.join('\n- ')}`);
    }
  }

  private *discover(problems: string[]): Generator<RegisteredHandler> {
    const seen = new Set<unknown>();
    for (const wrapper of this.discovery.getProviders({ metadataKey: HandlerMetadata.KEY })) {
      const options = this.discovery.getMetadataByDecorator(HandlerMetadata, wrapper);
      const instance = wrapper.instance as Partial<NotificationHandlerContract> | undefined;
      // One class may be provided by several modules, or under a second token.
      if (!options || !instance || seen.has(wrapper.metatype)) continue;
      seen.add(wrapper.metatype);
      const className = instance.constructor?.name ?? wrapper.name;
      const names = namesOf(options, this.config);
      if (typeof instance.handle !== 'function') {
        problems.push(`${className} has no method handle(notification, context)`);
      } else if (names.length === 0 || names.some((name) => name.trim() === '')) {
        problems.push(`${className} names no notification; give @NotificationHandler at least one name`);
      } else {
        yield new RegisteredHandler(className, names, instance as NotificationHandlerContract, options);
      }
    }
  }

  private add(handler: RegisteredHandler, problems: string[]): void {
    for (const name of handler.names) {
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

function namesOf({ names }: NotificationHandlerOptions, config: ConnectorConfig): readonly string[] {
  if (typeof names === 'function') return [...new Set(names(config))];
  return typeof names === 'string' ? [names] : [...new Set(names)];
}
