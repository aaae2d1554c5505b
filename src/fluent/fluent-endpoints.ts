import { Inject, Injectable } from '@nestjs/common';
import { type AccountConfig, ConnectorConfig } from '../config/index.js';
import { ConfigurationError } from '../errors.js';
import { type GraphqlEndpoint, GraphqlEndpoints } from '../graphql/index.js';
import type { RestEndpoint } from '../transport/index.js';
import { classifyFluentFailure, isFluentWarning } from './classify-fluent-failure.js';

/** Fluent refuses more complex queries. */
const COMPLEXITY_LIMIT = 11_111;

/** The configuration that the Fluent services use. */
export type FluentConfig = Pick<ConnectorConfig, 'accounts' | 'retailerIds'>;

/** The account and retailer of a call. You may omit either one if only one is configured. */
export interface FluentScope {
  readonly accountId?: string;
  readonly retailerId?: string;
}

/** The APIs of every configured account. The APIs of one account share a token and a circuit breaker. */
@Injectable()
export class FluentEndpoints {
  private readonly apis: ReadonlyMap<string, { graphql: GraphqlEndpoint; rest: RestEndpoint }>;
  /** By account, opened at first use. */
  private readonly auditLogs = new Map<string, RestEndpoint>();

  constructor(
    @Inject(ConnectorConfig) private readonly config: FluentConfig,
    endpoints: GraphqlEndpoints,
  ) {
    this.apis = new Map(
      config.accounts.map((account) => {
        const graphql = open(account, endpoints);
        return [account.id, { graphql, rest: graphql.rest(restUrl(account)) }];
      }),
    );
  }

  /** @throws ConfigurationError when the account is not configured */
  graphql(accountId: string): GraphqlEndpoint {
    return this.api(accountId).graphql;
  }

  /**
   * The Events, Job and Batch API.
   *
   * @throws ConfigurationError when the account is not configured
   */
  rest(accountId: string): RestEndpoint {
    return this.api(accountId).rest;
  }

  /**
   * The Event API for reading the audit log. It has a separate circuit breaker, because syncs continue without it.
   *
   * @throws ConfigurationError when the account is not configured
   */
  auditLog(accountId: string): RestEndpoint {
    let auditLog = this.auditLogs.get(accountId);
    if (!auditLog) {
      const account = this.config.accounts.find(({ id }) => id === accountId);
      if (!account) throw new ConfigurationError(`Fluent account ${accountId} is not configured`);
      auditLog = this.graphql(accountId).rest(restUrl(account), `fluent-audit-log:${accountId}`);
      this.auditLogs.set(accountId, auditLog);
    }
    return auditLog;
  }

  /** @throws ConfigurationError when the account is not configured, or when it is missing and several are configured */
  accountOf({ accountId }: FluentScope): string {
    const ids = [...this.apis.keys()];
    const chosen = accountId ?? (ids.length === 1 ? ids[0] : undefined);
    if (chosen === undefined) {
      throw new ConfigurationError(`several Fluent accounts are configured; name one: ${ids.join(', ')}`);
    }
    this.api(chosen);
    return chosen;
  }

  /** @throws ConfigurationError when account or retailer is not configured, or is missing and several are configured */
  retailerOf(scope: FluentScope): Required<FluentScope> {
    const accountId = this.accountOf(scope);
    const configured = this.config.retailerIds(accountId);
    const retailerId = scope.retailerId ?? (configured.length === 1 ? configured[0] : undefined);
    if (retailerId === undefined) {
      const choice = configured.length === 0 ? 'accepts any retailer' : `has ${configured.join(', ')}`;
      throw new ConfigurationError(`Fluent account ${accountId} ${choice}; name the retailer (retailerId)`);
    }
    if (configured.length > 0 && !configured.includes(retailerId)) {
      throw new ConfigurationError(
        `retailer ${retailerId} is not configured for Fluent account ${accountId}; check FLUENT_RETAILER_IDS`,
      );
    }
    return { accountId, retailerId };
  }

  private api(accountId: string): { graphql: GraphqlEndpoint; rest: RestEndpoint } {
    const api = this.apis.get(accountId);
    if (!api) throw new ConfigurationError(`Fluent account ${accountId} is not configured`);
    return api;
  }
}

function restUrl({ baseUrl }: AccountConfig): string {
  return `${baseUrl}/api/v4.1`;
}

/** Fluent often gives a client the id of its account, which every message about the account names. */
function credentialsOf({ id, username, password, clientId, clientSecret }: AccountConfig): string[] {
  return [username, password, clientId, clientSecret].filter((credential) => credential !== id);
}

function open(account: AccountConfig, endpoints: GraphqlEndpoints): GraphqlEndpoint {
  return endpoints.open({
    target: `fluent:${account.id}`,
    subject: {
      owner: `Fluent account ${account.id}`,
      credentialVariables: 'FLUENT_USERNAME, FLUENT_PASSWORD, FLUENT_CLIENT_ID, FLUENT_CLIENT_SECRET',
      urlVariable: 'FLUENT_BASE_URL',
      credentials: credentialsOf(account),
    },
    url: `${account.baseUrl}/graphql`,
    token: {
      url: `${account.baseUrl}/oauth/token`,
      headers: { 'fluent.account': account.id },
      // A refresh token can be used only once, so replicas could not share it, and a restart would need the password
      // grant anyway. Therefore every token is requested with the password.
      form: {
        grant_type: 'password',
        username: account.username,
        password: account.password,
        client_id: account.clientId,
        client_secret: account.clientSecret,
        scope: 'api',
      },
    },
    classify: classifyFluentFailure,
    complexityLimit: COMPLEXITY_LIMIT,
    isWarning: isFluentWarning,
  });
}
