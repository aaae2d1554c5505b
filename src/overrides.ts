import type {
  ClassProvider,
  ExistingProvider,
  FactoryProvider,
  InjectionToken,
  Provider,
  Type,
  ValueProvider,
} from '@nestjs/common';
import {
  PARAMTYPES_METADATA,
  PROPERTY_DEPS_METADATA,
  SELF_DECLARED_DEPS_METADATA,
} from '@nestjs/common/constants.js';
import type { ModulesContainer } from '@nestjs/core';
import {
  CommercetoolsClient,
  CommercetoolsModule,
  OrderLookup,
  OrderReferenceResolver,
  OrderUpdate,
} from './commercetools/index.js';
import { CommercetoolsMessagesModule, MessageRouter } from './commercetools-messages/index.js';
import { ConfigurationError } from './errors.js';
import { FluentClient, FluentModule } from './fluent/index.js';
import { MappingModule, StatusMapper } from './mapping/index.js';
import { MessageQueue, QueueModule } from './delivery/index.js';
import { SettingsModule, SettingsSource } from './settings/index.js';
import { StatusHistory, StatusHistoryModule } from './status-history/index.js';
import { SignatureVerifier, WebhookModule } from './webhook/index.js';

type AbstractClass<T> = abstract new (...args: never[]) => T;

interface Replaceable {
  /** The module that provides the default, and therefore has to provide the override. */
  readonly owner: Type;
  readonly methods: readonly string[];
}

/** Optional methods need not be there. */
type RequiredKeys<T> = { [K in keyof T & string]-?: object extends Pick<T, K> ? never : K }[keyof T & string];

/** The compiler requires every method here, because abstract methods leave no trace at run time. */
function replaceable<T>(
  token: AbstractClass<T>,
  owner: Type,
  methods: Record<RequiredKeys<T>, true>,
): [Type, Replaceable] {
  return [token as unknown as Type, { owner, methods: Object.keys(methods) }];
}

const REPLACEABLE: ReadonlyMap<InjectionToken, Replaceable> = new Map([
  replaceable(SignatureVerifier, WebhookModule, { checkHeaders: true, verify: true }),
  replaceable(MessageQueue, QueueModule, {
    add: true,
    take: true,
    renew: true,
    settle: true,
    wake: true,
    pause: true,
    resume: true,
    pauses: true,
    lanes: true,
    findUnfinished: true,
    counts: true,
    health: true,
    deadLetters: true,
    deadLetter: true,
    replay: true,
    discard: true,
    replayAll: true,
  }),
  replaceable(SettingsSource, SettingsModule, { get: true }),
  replaceable(StatusMapper, MappingModule, { map: true }),
  replaceable(StatusHistory, StatusHistoryModule, { passed: true }),
  replaceable(OrderLookup, CommercetoolsModule, { find: true }),
  replaceable(OrderReferenceResolver, CommercetoolsModule, { fluentRefs: true }),
  replaceable(OrderUpdate, CommercetoolsModule, { apply: true }),
  replaceable(CommercetoolsClient, CommercetoolsModule, { query: true, mutate: true }),
  replaceable(MessageRouter, CommercetoolsMessagesModule, { retailersOf: true }),
  replaceable(FluentClient, FluentModule, {
    throwIfCircuitOpen: true,
    query: true,
    getOrder: true,
    ordersUpdatedSince: true,
    getSettings: true,
  }),
]);

type OverrideOf<TClass extends AbstractClass<unknown>> = { readonly provide: TClass } & (
  | Omit<ClassProvider<InstanceType<TClass>>, 'provide'>
  | Omit<ValueProvider<InstanceType<TClass>>, 'provide'>
  | Omit<FactoryProvider<InstanceType<TClass>>, 'provide'>
  | (Omit<ExistingProvider, 'provide' | 'useExisting'> & {
      readonly useExisting: AbstractClass<InstanceType<TClass>> | string | symbol;
    })
);

/**
 * What a partner provides in place of a replaceable class, as a Nest provider. A class, value or factory
 * that does not fit the replaceable class does not compile.
 *
 * @example
 * const override: Override = { provide: StatusMapper, useClass: WarehouseStatusMapper };
 */
export type Override =
  | OverrideOf<typeof SignatureVerifier>
  | OverrideOf<typeof MessageQueue>
  | OverrideOf<typeof SettingsSource>
  | OverrideOf<typeof StatusHistory>
  | OverrideOf<typeof CommercetoolsClient>
  | OverrideOf<typeof FluentClient>
  | OverrideOf<typeof MessageRouter>
  | OverrideOf<typeof OrderLookup>
  | OverrideOf<typeof OrderReferenceResolver>
  | OverrideOf<typeof OrderUpdate>
  // The compiler words its error for the last member: the class that partners override most often.
  | OverrideOf<typeof StatusMapper>;

/** Every replaceable class. */
export const REPLACEABLE_CLASSES: readonly InjectionToken[] = [...REPLACEABLE.keys()];

/** The replaceable class of each override, by the name that Nest's errors use for the override. */
const overridden = new Map<string, string>(
  REPLACEABLE_CLASSES.map((token) => [nameOf(token), nameOf(token)]),
);

/** @returns the overrides of the replaceable classes that a module owns. */
export function overridesOf(owner: Type, overrides: readonly Override[]): Override[] {
  return overrides.filter(({ provide }) => REPLACEABLE.get(provide)?.owner === owner);
}

/** @returns whether one of the providers asks Nest for `token`. What other modules provide is not looked at. */
export function isInjected(token: InjectionToken, providers: readonly Provider[]): boolean {
  return providers.some((provider) => dependenciesOf(provider).some((each) => resolved(each) === token));
}

/** What Nest reads before it builds a provider. */
function dependenciesOf(provider: Provider): readonly unknown[] {
  if ('useExisting' in provider) return [provider.useExisting];
  if ('useFactory' in provider) return provider.inject ?? [];
  const type = 'useClass' in provider ? provider.useClass : provider;
  if (typeof type !== 'function') return [];
  const read = (key: string) => (Reflect.getMetadata(key, type) ?? []) as readonly unknown[];
  const named = [...read(SELF_DECLARED_DEPS_METADATA), ...read(PROPERTY_DEPS_METADATA)] as {
    param?: unknown;
    type?: unknown;
  }[];
  return [...read(PARAMTYPES_METADATA), ...named.map(({ param, type: property }) => param ?? property)];
}

/** @returns the token itself for `{ token, optional }` of a factory and for `forwardRef(() => token)`. */
function resolved(dependency: unknown): unknown {
  if (typeof dependency !== 'object' || dependency === null) return dependency;
  if ('token' in dependency) return dependency.token;
  if ('forwardRef' in dependency) return (dependency.forwardRef as () => unknown)();
  return dependency;
}

/** @throws ConfigurationError that names what cannot be overridden, is overridden twice, or by itself. */
export function checkOverrides(overrides: readonly Override[]): void {
  const problems: string[] = [];
  const seen = new Set<InjectionToken>();
  for (const override of overrides) {
    const { provide } = override;
    const name = nameOf(provide);
    if (!REPLACEABLE.has(provide)) {
      problems.push(
        `${name} is not replaceable; the replaceable classes are ${REPLACEABLE_CLASSES.map(nameOf).join(', ')}. ` +
          'Add anything else to providers, handlers or imports',
      );
    } else if (seen.has(provide)) {
      problems.push(`${name} has two overrides; keep one`);
    } else if ('useExisting' in override && override.useExisting === provide) {
      problems.push(
        `${name} is overridden by itself (useExisting: ${name}); name the class that does the work`,
      );
    }
    seen.add(provide);
    if ('useClass' in override && typeof override.useClass === 'function') {
      overridden.set(override.useClass.name, name);
    } else if ('useExisting' in override) {
      overridden.set(nameOf(override.useExisting), name);
    }
  }
  if (problems.length > 0) {
    throw new ConfigurationError(`ConnectorModule.register({ overrides }): ${problems.join('; ')}.`);
  }
}

/**
 * Nest keeps the provider of another module beside the default, and the connector would keep using the default.
 *
 * @throws ConfigurationError that names each replaceable class that a module of the partner provides, with the
 * line to write instead.
 */
export function checkModules(modules: ModulesContainer): void {
  const problems = [...modules.values()].flatMap(({ metatype, providers }) =>
    [...REPLACEABLE].flatMap(([token, { owner }]) => {
      const provider = metatype === owner ? undefined : providers.get(token);
      if (!provider) return [];
      const { inject, metatype: implementation } = provider;
      const isClass = !inject && typeof implementation === 'function' && implementation !== token;
      const recipe = isClass ? `useClass: ${nameOf(implementation)}` : 'useFactory: …';
      return [
        `the provider of ${nameOf(token)} in ${nameOf(metatype)} has no effect; ` +
          `remove it and write overrides: [{ provide: ${nameOf(token)}, ${recipe} }]`,
      ];
    }),
  );
  if (problems.length > 0) {
    throw new ConfigurationError(`ConnectorModule.register({ overrides }): ${problems.join('; ')}.`);
  }
}

/**
 * @param instances what Nest provides for {@link REPLACEABLE_CLASSES}, in that order.
 * @throws ConfigurationError that names each override that lacks a method, and the method.
 */
export function checkMethods(instances: readonly unknown[]): void {
  const problems: string[] = [];
  for (const [index, [token, { methods }]] of [...REPLACEABLE].entries()) {
    const instance = instances[index];
    const missing = methods.filter(
      (method) => typeof (instance as Record<string, unknown> | null | undefined)?.[method] !== 'function',
    );
    if (missing.length === 0) continue;
    const list = missing.map((method) => `${method}()`).join(', ');
    problems.push(`the override of ${nameOf(token)}, ${describe(instance)}, has no ${list}`);
  }
  if (problems.length > 0) throw new ConfigurationError(`ConnectorModule: ${problems.join('; ')}.`);
}

/**
 * Nest names the class that it could not build. This also names the replaceable class that it overrides.
 *
 * @returns a ConfigurationError when the error is about an override, else the error as it is.
 */
export function explainInjection(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const isMissing = error.constructor.name === 'UnknownDependenciesException' && 'type' in error;
  const isCircular = error.constructor.name === 'CircularDependencyException';
  const culprit = isMissing
    ? String(error.type)
    : isCircular
      ? /inside "(.+?)"/.exec(error.message)?.[1]
      : undefined;
  const target = culprit === undefined ? undefined : overridden.get(culprit);
  if (target === undefined) return error;
  const wanted = isMissing ? (error as { context?: { name?: unknown } }).context?.name : undefined;
  const advice =
    isCircular || nameOf(wanted) === target
      ? `An override that delegates injects the default by the default's own class, not by ${target}, ` +
        'and nothing that needs what it overrides.'
      : 'What an override injects must be provided by the connector, by register({ providers }), ' +
        'or exported by a module in register({ imports }).';
  const [firstLine = ''] = error.message.split('\n', 1);
  return new ConfigurationError(`The override of ${target} cannot be built: ${firstLine} ${advice}`, {
    cause: error,
  });
}

function nameOf(token: unknown): string {
  return typeof token === 'function' ? token.name : String(token);
}

function describe(instance: unknown): string {
  if (typeof instance !== 'object' || instance === null) return String(instance);
  return instance.constructor?.name ?? 'an object';
}
