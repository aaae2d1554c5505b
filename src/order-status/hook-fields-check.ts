import { gql } from '@apollo/client';
import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { CommercetoolsClient } from '../commercetools/index.js';
import { ConnectorConfig, type RetailerScope } from '../config/index.js';
import { ConfigurationError, asError } from '../errors.js';
import { FluentClient } from '../fluent/index.js';
import { withOrderFields } from '../graphql/index.js';
import { explanation } from './hook-run.js';
import type { FieldsOption } from './order-status-hook.js';
import { OrderStatusHooks, type Hook } from './order-status-hooks.js';
import { mayComeFromFields, whoseFieldsAreRefused } from './refused-fields.js';

/**
 * Every GraphQL server validates a query before it runs it, and `@include(if: false)` keeps it from running. So the systems
 * themselves check the fields, with the permissions and limits that they have, and without introspection.
 */
const FLUENT_CHECK = gql`
  query CheckHookFields {
    orderById(id: "0") @include(if: false) {
      id
    }
  }
`;
const COMMERCETOOLS_CHECK = gql`
  query CheckHookFields {
    order(id: "0") @include(if: false) {
      id
    }
  }
`;

/** A system that does not answer must not delay the start for long. */
const START_TIMEOUT_MS = 5000;
/** How long a verdict about refused fields counts. Afterwards the next order checks it again. */
const REFUSAL_TTL_MS = 60_000;

/** One Fluent account or commercetools project, and the hooks whose fields it refuses. */
class Target {
  checkedAt = Number.NEGATIVE_INFINITY;
  refused: ReadonlyMap<Hook, string> = new Map();

  constructor(
    readonly option: FieldsOption,
    readonly owner: string,
    readonly ask: (hooks: readonly Hook[], signal?: AbortSignal) => Promise<unknown>,
  ) {}
}

/** What one system says about the fields that hooks request of it. */
export interface FieldsVerdict {
  /** e.g. `Fluent account ACME`. */
  readonly owner: string;
  readonly refused: readonly {
    readonly hook: string;
    readonly isRequired: boolean;
    readonly reason: string;
  }[];
  /** Why the system could not be asked. */
  readonly problem?: string;
}

/** Checks the fields of hooks against the schemas of both systems: at the start, and while they are refused. */
@Injectable()
export class HookFieldsCheck implements OnApplicationBootstrap {
  private readonly logger = new Logger('Hooks');
  private readonly accounts: ReadonlyMap<string, Target>;
  private readonly projects: ReadonlyMap<string, Target>;

  constructor(
    private readonly hooks: OrderStatusHooks,
    private readonly config: ConnectorConfig,
    fluent: FluentClient,
    commercetools: CommercetoolsClient,
  ) {
    this.accounts = new Map(
      config.accounts.map(({ id }) => [
        id,
        new Target('fluentFields', `Fluent account ${id}`, (asked, signal) => {
          const fields = hooks.fieldsOf('fluentFields', asked);
          return fluent.query(id, withOrderFields(FLUENT_CHECK, fields), {}, { signal });
        }),
      ]),
    );
    this.projects = new Map(
      config.projects.map(({ key }) => [
        key,
        new Target('commercetoolsFields', `commercetools project ${key}`, (asked, signal) => {
          const fields = hooks.fieldsOf('commercetoolsFields', asked);
          return commercetools.query(key, withOrderFields(COMMERCETOOLS_CHECK, fields), {}, { signal });
        }),
      ]),
    );
  }

  /** @throws ConfigurationError that lists the required hooks whose fields a system refuses. */
  async onApplicationBootstrap(): Promise<void> {
    if (this.config.role === 'ingress') return;
    const targets = [...this.accounts.values(), ...this.projects.values()];
    const problems = (await Promise.all(targets.map((target) => this.checkAtStart(target)))).flat();
    if (problems.length > 0) throw new ConfigurationError(problems.join('\n'));
  }

  /** Asks each system now. @returns a verdict for each from which hooks request fields. */
  async *verdicts(signal?: AbortSignal): AsyncGenerator<FieldsVerdict> {
    for (const target of [...this.accounts.values(), ...this.projects.values()]) {
      const { option, owner } = target;
      if (!this.hooks.all.some(({ options }) => options[option] !== undefined)) continue;
      try {
        await this.check(target, signal);
        const refused = [...target.refused].map(([{ name, isRequired }, reason]) => ({
          hook: name,
          isRequired,
          reason,
        }));
        yield { owner, refused };
      } catch (error) {
        yield { owner, refused: [], problem: asError(error).message };
      }
    }
  }

  /** @returns the hooks whose fields the systems of a retailer refuse, with the reason. */
  async refusedFor({ account, project }: RetailerScope): Promise<ReadonlyMap<Hook, string>> {
    const refused = new Map<Hook, string>();
    for (const target of [this.accounts.get(account.id)!, this.projects.get(project.key)!]) {
      if (target.refused.size === 0) continue;
      await this.checkAgain(target);
      for (const [hook, reason] of target.refused) refused.set(hook, reason);
    }
    return refused;
  }

  /** Fields were refused for one order: finds out whether they are for every order. */
  async onRefused(option: FieldsOption, { account, project }: RetailerScope): Promise<void> {
    const target = option === 'fluentFields' ? this.accounts.get(account.id) : this.projects.get(project.key);
    await this.checkAgain(target!);
  }

  private async checkAgain(target: Target): Promise<void> {
    const now = performance.now();
    if (now - target.checkedAt < REFUSAL_TTL_MS) return;
    target.checkedAt = now;
    await this.check(target).catch((error: unknown) => {
      this.logger.warn(
        `${target.owner}: the fields of hooks could not be checked again: ${asError(error).message}`,
      );
    });
  }

  private async checkAtStart(target: Target): Promise<string[]> {
    try {
      await this.check(target, AbortSignal.timeout(START_TIMEOUT_MS));
    } catch (error) {
      this.logger.warn(
        `${target.owner}: the fields of hooks could not be checked at the start, so the first order checks them: ` +
          asError(error).message,
      );
      return [];
    }
    const problems: string[] = [];
    for (const [hook, reason] of target.refused) {
      this.hooks.noteFailure(hook, 'fields');
      if (hook.isRequired) problems.push(`${target.owner}: ${explanation(hook, 'fields', reason)}`);
      else this.logger.error(`${target.owner}: orders are updated without hook ${hook.name}: ${reason}`);
    }
    return problems;
  }

  /** @throws the error of a system that did not answer. */
  private async check(target: Target, signal?: AbortSignal): Promise<void> {
    const hooks = this.hooks.all.filter(({ options }) => options[target.option] !== undefined);
    if (hooks.length === 0) return;
    try {
      await target.ask(hooks, signal);
      target.refused = new Map();
    } catch (error) {
      if (!mayComeFromFields(error)) throw error;
      const refused = await whoseFieldsAreRefused(hooks, (asked) => target.ask(asked, signal));
      // Refused without any fields, too: the hooks are not the cause.
      if (!refused) throw error;
      target.refused = refused;
    }
  }
}
