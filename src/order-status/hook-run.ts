import type { OrderStates, OrderUpdateAction } from '../commercetools/index.js';
import { UNEXPECTED, callOverride, invalidReturn } from '../call-override.js';
import { ConfigurationError, ConnectorError, TransientError, asError } from '../errors.js';
import type { OrderFields } from '../graphql/index.js';
import type { FieldsOption, HookedOrder } from './order-status-hook.js';
import type { Hook, HookFailureCause, OrderStatusHooks } from './order-status-hooks.js';
import { mayComeFromFields, whoseFieldsAreRefused } from './refused-fields.js';

/** The limit of commercetools for one update. */
const MAX_ACTIONS = 500;

/** What one hook did in a sync. */
export interface HookReport {
  /** The name of its class. */
  readonly hook: string;
  /** Names of the update actions that it adds, e.g. `setCustomField`. */
  readonly actions: readonly string[];
  /** Why an optional hook was left out. */
  readonly lost?: string;
}

/** Is told what happens to the hooks of a sync. */
export interface HookRunListener {
  /** A hook's fields are refused for this order: maybe they are for all. */
  fieldsRefused(option: FieldsOption): Promise<void>;
  warn(fields: object, message: string): void;
}

/** The hooks of one sync, without those that it had to leave out. */
export class HookRun {
  private leftOut?: Map<Hook, string>;
  private added?: Map<Hook, readonly string[]>;

  /** @param refused the hooks whose fields the two systems are known to refuse, with the reason. */
  constructor(
    private readonly hooks: OrderStatusHooks,
    refused?: ReadonlyMap<Hook, string>,
    private readonly listener?: HookRunListener,
  ) {
    for (const [hook, reason] of refused ?? []) this.fail(hook, 'fields', reason);
  }

  /** What each hook did, in their order; hooks that were not called are missing. */
  get reports(): readonly HookReport[] {
    return this.hooks.all.flatMap((hook) => {
      const [actions, lost] = [this.added?.get(hook), this.leftOut?.get(hook)];
      if (!actions && lost === undefined) return [];
      return [{ hook: hook.name, actions: actions ?? [], lost }];
    });
  }

  /** Whether the connector has no hooks at all, as most have. */
  get isEmpty(): boolean {
    return this.hooks.all.length === 0;
  }

  /** The hooks that still take part. */
  get active(): readonly Hook[] {
    const { leftOut } = this;
    return leftOut ? this.hooks.all.filter((hook) => !leftOut.has(hook)) : this.hooks.all;
  }

  /**
   * Reads an order with the fields of the hooks. If the read is refused, it finds the hook whose fields are the cause.
   *
   * @param read reads the order, with more fields or without. It is called again after a refusal.
   * @throws ConfigurationError that names a required hook whose fields are refused; otherwise the error of the read.
   */
  read<T>(option: FieldsOption, read: (fields?: OrderFields) => Promise<T>): Promise<T> {
    return this.isEmpty ? read() : this.readWithFields(option, read);
  }

  private async readWithFields<T>(
    option: FieldsOption,
    read: (fields?: OrderFields) => Promise<T>,
  ): Promise<T> {
    const hooks = this.active.filter(({ options }) => options[option] !== undefined);
    const fields = this.hooks.fieldsOf(option, hooks);
    try {
      return await read(fields);
    } catch (error) {
      if (!fields || !mayComeFromFields(error)) throw error;
      const refused = await whoseFieldsAreRefused(hooks, (asked) => read(this.hooks.fieldsOf(option, asked)));
      if (refused === undefined) throw error;
      if (refused.size > 0) await this.listener?.fieldsRefused(option);
      for (const [hook, reason] of refused) this.fail(hook, 'fields', reason);
      return read(this.hooks.fieldsOf(option, this.active));
    }
  }

  /** @returns the class of the first hook that skips the order. */
  async skippedBy(order: HookedOrder): Promise<string | undefined> {
    for (const hook of this.active) {
      const { instance, name } = hook;
      const skips = () => instance.skip?.(this.hooks.seenBy(hook, order)) ?? false;
      if (await this.guard(hook, order.signal, () => callOverride(instance, 'skip', skips, order.signal))) {
        return name;
      }
    }
    return undefined;
  }

  /** @returns the update actions of the given hooks, in their order. */
  async actions(
    order: HookedOrder,
    states: OrderStates,
    hooks: readonly Hook[],
  ): Promise<OrderUpdateAction[]> {
    const all: OrderUpdateAction[] = [];
    for (const hook of hooks) {
      const room = MAX_ACTIONS - all.length;
      const actions = await this.guard(hook, order.signal, () =>
        actionsOf(hook, this.hooks.seenBy(hook, order), states, room),
      );
      if (!actions) continue;
      all.push(...actions);
      (this.added ??= new Map()).set(hook, actions.flatMap(Object.keys));
    }
    return all;
  }

  /**
   * Leaves an optional hook out of the rest of the sync.
   *
   * @throws ConfigurationError that names the hook when it is required.
   */
  fail(hook: Hook, cause: HookFailureCause, reason: string, code?: string): void {
    this.hooks.noteFailure(hook, cause);
    if (hook.isRequired) throw new ConfigurationError(explanation(hook, cause, reason), { code });
    (this.leftOut ??= new Map()).set(hook, reason);
    this.listener?.warn({ hook: hook.name, cause, reason }, `the order is updated without ${hook.name}`);
  }

  /** Passes on what a hook throws on purpose to be called again; any other error leaves an optional hook out. */
  private async guard<T>(hook: Hook, signal: AbortSignal, call: () => Promise<T>): Promise<T | undefined> {
    try {
      return await call();
    } catch (error) {
      if (hook.isRequired || signal.aborted || isRequestForRetry(error)) throw error;
      this.fail(hook, 'error', asError(error).message);
      return undefined;
    }
  }
}

async function actionsOf(
  hook: Hook,
  order: HookedOrder,
  states: OrderStates,
  room: number,
): Promise<readonly OrderUpdateAction[]> {
  const { instance } = hook;
  const call = () => instance.actions?.(order, states);
  const actions: unknown = await callOverride(instance, 'actions', call, order.signal);
  if (actions === undefined) return [];
  if (!Array.isArray(actions) || !actions.every(isAction)) {
    throw invalidReturn(
      instance,
      'actions',
      'something other than a list of update actions; each is an object with one key, e.g. { setCustomField: { name, value } }',
    );
  }
  if (actions.length > room) {
    throw invalidReturn(instance, 'actions', `more than the ${MAX_ACTIONS} actions that one update may have`);
  }
  return actions;
}

function isAction(action: unknown): action is OrderUpdateAction {
  return (
    typeof action === 'object' &&
    action !== null &&
    !Array.isArray(action) &&
    Object.keys(action).length === 1
  );
}

const MISTAKES: ReadonlySet<string | undefined> = new Set([UNEXPECTED, 'InvalidReturn']);

function isRequestForRetry(error: unknown): boolean {
  if (error instanceof TransientError) return !MISTAKES.has(error.code);
  return !(error instanceof ConnectorError);
}

const TASKS: Readonly<Record<HookFailureCause, string>> = {
  fields: 'its fields are refused',
  actions: 'commercetools refuses its update actions',
  error: 'it failed',
};

/** @returns what is wrong with a required hook, and what to do about it. */
export function explanation({ name }: Hook, cause: HookFailureCause, reason: string): string {
  return (
    `hook ${name}: ${TASKS[cause]}: ${reason}; correct the hook or what it refers to, ` +
    'or let orders be updated without it: @OrderStatusHook({ required: false })'
  );
}
