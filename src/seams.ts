import type {
  ClassProvider,
  ExistingProvider,
  FactoryProvider,
  InjectionToken,
  Type,
  ValueProvider,
} from '@nestjs/common';
import { CommercetoolsClient, CommercetoolsModule, OrderLookup, OrderUpdate } from './commercetools/index.js';
import { ConfigurationError } from './errors.js';
import { FluentClient, FluentModule } from './fluent/index.js';
import { MappingModule, StatusMapper } from './mapping/index.js';
import { MessageQueue, QueueModule } from './delivery/index.js';
import { SettingsModule, SettingsSource } from './settings/index.js';
import { SignatureVerifier, WebhookModule } from './webhook/index.js';

type AbstractClass<T> = abstract new (...args: never[]) => T;

interface Seam {
  /** The module that provides the default, and therefore has to provide the replacement. */
  readonly owner: Type;
  readonly methods: readonly string[];
}

/** The compiler sees to it that no method is missing here: abstract ones leave no trace at run time. */
function seam<T>(
  token: AbstractClass<T>,
  owner: Type,
  methods: Record<keyof T & string, true>,
): [Type, Seam] {
  return [token as unknown as Type, { owner, methods: Object.keys(methods) }];
}

const SEAMS: ReadonlyMap<InjectionToken, Seam> = new Map([
  seam(SignatureVerifier, WebhookModule, { verify: true }),
  seam(MessageQueue, QueueModule, {
    enqueue: true,
    process: true,
    drain: true,
    counts: true,
    health: true,
    deadLetters: true,
    deadLetter: true,
    replay: true,
    replayAll: true,
  }),
  seam(SettingsSource, SettingsModule, { get: true }),
  seam(StatusMapper, MappingModule, { map: true }),
  seam(OrderLookup, CommercetoolsModule, { find: true }),
  seam(OrderUpdate, CommercetoolsModule, { apply: true }),
  seam(CommercetoolsClient, CommercetoolsModule, { query: true, mutate: true }),
  seam(FluentClient, FluentModule, {
    query: true,
    getOrder: true,
    ordersUpdatedSince: true,
    getSettings: true,
  }),
]);

type OverrideOf<TSeam extends AbstractClass<unknown>> = { readonly provide: TSeam } & (
  | Omit<ClassProvider<InstanceType<TSeam>>, 'provide'>
  | Omit<ValueProvider<InstanceType<TSeam>>, 'provide'>
  | Omit<FactoryProvider<InstanceType<TSeam>>, 'provide'>
  | (Omit<ExistingProvider, 'provide' | 'useExisting'> & {
      readonly useExisting: AbstractClass<InstanceType<TSeam>> | string | symbol;
    })
);

/**
 * A replacement of one of the connector's parts, in Nest's own form. A class, value or factory that does
 * not fit the part does not compile.
 *
 * @example
 * const override: Override = { provide: StatusMapper, useClass: WarehouseStatusMapper };
 */
export type Override =
  | OverrideOf<typeof SignatureVerifier>
  | OverrideOf<typeof MessageQueue>
  | OverrideOf<typeof SettingsSource>
  | OverrideOf<typeof CommercetoolsClient>
  | OverrideOf<typeof FluentClient>
  | OverrideOf<typeof OrderLookup>
  | OverrideOf<typeof OrderUpdate>
  // The compiler words its complaint for the last one: the part that most want to replace.
  | OverrideOf<typeof StatusMapper>;

/** Every replaceable class. */
export const SEAM_TOKENS: readonly InjectionToken[] = [...SEAMS.keys()];

/** By the name that Nest's errors use for it, what each replacement replaces. */
const replacedBy = new Map<string, string>(SEAM_TOKENS.map((token) => [nameOf(token), nameOf(token)]));

/** @returns the replacements of what a module owns. */
export function overridesOf(owner: Type, overrides: readonly Override[]): Override[] {
  return overrides.filter(({ provide }) => SEAMS.get(provide)?.owner === owner);
}

/** @throws ConfigurationError that names what is not replaceable, replaced twice, or replaced by itself. */
export function checkOverrides(overrides: readonly Override[]): void {
  const problems: string[] = [];
  const seen = new Set<InjectionToken>();
  for (const override of overrides) {
    const { provide } = override;
    const name = nameOf(provide);
    if (!SEAMS.has(provide)) {
      problems.push(
        `cannot replace ${name}; replaceable are ${SEAM_TOKENS.map(nameOf).join(', ')}. ` +
          'Additions belong into providers, handlers or imports',
      );
    } else if (seen.has(provide)) {
      problems.push(`${name} is replaced twice; keep one`);
    } else if ('useExisting' in override && override.useExisting === provide) {
      problems.push(
        `${name} is replaced by itself (useExisting: ${name}); name the class that does the work`,
      );
    }
    seen.add(provide);
    if ('useClass' in override && typeof override.useClass === 'function') {
      replacedBy.set(override.useClass.name, name);
    } else if ('useExisting' in override) {
      replacedBy.set(nameOf(override.useExisting), name);
    }
  }
  if (problems.length > 0) {
    throw new ConfigurationError(`ConnectorModule.register({ overrides }): ${problems.join('; ')}.`);
  }
}

/**
 * @param instances what Nest provides for {@link SEAM_TOKENS}, in that order.
 * @throws ConfigurationError that names each part whose replacement lacks a method, and the method.
 */
export function checkSeams(instances: readonly unknown[]): void {
  const problems: string[] = [];
  for (const [index, [token, { methods }]] of [...SEAMS].entries()) {
    const instance = instances[index];
    const missing = methods.filter(
      (method) => typeof (instance as Record<string, unknown> | null | undefined)?.[method] !== 'function',
    );
    if (missing.length === 0) continue;
    const list = missing.map((method) => `${method}()`).join(', ');
    problems.push(`the replacement of ${nameOf(token)}, ${describe(instance)}, has no ${list}`);
  }
  if (problems.length > 0) throw new ConfigurationError(`ConnectorModule: ${problems.join('; ')}.`);
}

/**
 * Nest names the class that it could not build; who replaced a part wants to know which part.
 *
 * @returns a ConfigurationError when the error is about a replacement, else the error as it is.
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
  const replaced = culprit === undefined ? undefined : replacedBy.get(culprit);
  if (replaced === undefined) return error;
  const wanted = isMissing ? (error as { context?: { name?: unknown } }).context?.name : undefined;
  const advice =
    isCircular || nameOf(wanted) === replaced
      ? `A replacement that delegates injects the default by the default's own class, not by ${replaced}, ` +
        'and nothing that needs what it replaces.'
      : 'What a replacement injects must be provided by the connector, by register({ providers }), ' +
        'or exported by a module in register({ imports }).';
  const [firstLine = ''] = error.message.split('\n', 1);
  return new ConfigurationError(`The replacement of ${replaced} cannot be built: ${firstLine} ${advice}`, {
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
