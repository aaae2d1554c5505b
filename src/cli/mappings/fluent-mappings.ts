import { type TypedDocumentNode, gql } from '@apollo/client';
import type { INestApplicationContext } from '@nestjs/common';
import { ConnectorConfig, type RetailerScope } from '../../config/index.js';
import {
  CREATE_SETTING,
  FluentEndpoints,
  FluentGraphql,
  type FluentScope,
  UPDATE_SETTING,
  type WrittenSetting,
} from '../../fluent/index.js';
import { SETTING_CONTEXTS, parseSettingValue } from '../../settings/index.js';
import { UsageError } from '../console.js';

const SETTINGS: TypedDocumentNode<
  { settings: { edges: readonly ({ node: WrittenSetting | null } | null)[] | null } | null },
  { names: readonly string[]; contexts: readonly string[]; contextIds: readonly number[] }
> = gql`
  query WritableSettings($names: [String], $contexts: [String!], $contextIds: [Int!]) {
    settings(name: $names, context: $contexts, contextId: $contextIds, first: 100) {
      edges {
        node {
          id
          name
          valueType
          lobValue
          value
          context
          contextId
        }
      }
    }
  }
`;

/** Where a setting is written. */
export type WritableContext = 'RETAILER' | 'ACCOUNT';

/** A setting as Fluent stores it. */
export interface StoredSetting {
  readonly id: string;
  readonly name: string;
  readonly context: string;
  readonly contextId: number;
  /** Parsed, when it is JSON. */
  readonly value: unknown;
}

/** The settings of one retailer, to read and to write. */
export class FluentSettingsEditor {
  readonly scope: RetailerScope;
  private readonly graphql: FluentGraphql;

  /** @throws ConfigurationError when the retailer is not configured, or must be named. */
  constructor(
    services: INestApplicationContext,
    wanted: FluentScope,
    private readonly signal: AbortSignal,
  ) {
    const { accountId, retailerId } = services.get(FluentEndpoints, { strict: false }).retailerOf(wanted);
    const scope = services.get(ConnectorConfig, { strict: false }).scope(accountId, retailerId);
    if (!scope) throw new UsageError(`retailer ${retailerId} of account ${accountId} is not configured`);
    this.scope = scope;
    this.graphql = services.get(FluentGraphql, { strict: false });
  }

  /** @returns every setting with one of these names that applies to the retailer, the most specific first. */
  async find(names: readonly string[]): Promise<readonly StoredSetting[]> {
    const retailer = this.contextId('RETAILER');
    const variables = { names, contexts: SETTING_CONTEXTS, contextIds: [retailer, 0] };
    const { settings } = await this.graphql.query(SETTINGS, variables, this.options);
    const found = (settings?.edges ?? []).flatMap((edge): StoredSetting[] => {
      const node = edge?.node;
      if (!node?.name || node.contextId !== (node.context === 'RETAILER' ? retailer : 0)) return [];
      const { id, name, context, contextId, lobValue, value } = node;
      return [{ id, name, context, contextId, value: parseSettingValue(lobValue ?? value) }];
    });
    const rank = ({ context, name }: StoredSetting): number =>
      SETTING_CONTEXTS.indexOf(context) * names.length + names.indexOf(name);
    return found.toSorted((one, other) => rank(one) - rank(other));
  }

  async create(name: string, value: unknown, context: WritableContext): Promise<void> {
    const input = { name, ...this.valueIn(context, value) };
    await this.graphql.mutate(CREATE_SETTING, { input }, this.options);
  }

  async update({ id }: StoredSetting, value: unknown, context: WritableContext): Promise<void> {
    await this.graphql.mutate(
      UPDATE_SETTING,
      { input: { id, ...this.valueIn(context, value) } },
      this.options,
    );
  }

  private valueIn(context: WritableContext, lobValue: unknown) {
    return { valueType: 'JSON', lobValue, context, contextId: this.contextId(context) };
  }

  private contextId(context: WritableContext): number {
    if (context !== 'RETAILER') return 0;
    const id = Number(this.scope.retailerId);
    if (Number.isInteger(id)) return id;
    throw new UsageError(
      `retailer ${this.scope.retailerId} has no number, so it has no settings; use --context ACCOUNT`,
    );
  }

  private get options() {
    return { accountId: this.scope.account.id, signal: this.signal };
  }
}
