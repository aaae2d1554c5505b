import { LRUCache } from 'lru-cache';
import {
  ConnectorConfig,
  LEAST_WRITES_IN_FLIGHT,
  type AccountConfig,
  type AdminToken,
  type CommercetoolsMessagesConfig,
  type ConnectorRole,
  type HistoryConfig,
  type LoggingConfig,
  type ProjectConfig,
  type QueueConfig,
  type RetailerScope,
  type ServerConfig,
  type StatusHistoryConfig,
} from './connector-config.js';
import { ADMIN_TOKEN_NAME } from './rules.js';
import type { Variables } from './variables.js';

/** The bound on the scopes in memory of accounts that accept any retailer, because senders choose the ids. */
const MAX_REMEMBERED_SCOPES = 1000;

/** An account with the scopes of its retailers. */
export interface AccountScopes {
  readonly account: AccountConfig;
  readonly retailers: ReadonlyMap<string, RetailerScope>;
  /** Set when any retailer of the account is accepted. */
  readonly anyRetailer?: Omit<RetailerScope, 'retailerId'>;
}

/** The configuration. Scopes are looked up once, because every webhook needs one. */
export class ScopedConnectorConfig extends ConnectorConfig {
  override readonly role: ConnectorRole;
  override readonly server: ServerConfig;
  override readonly commercetoolsMessages?: CommercetoolsMessagesConfig;
  override readonly queue: QueueConfig;
  override readonly logging: LoggingConfig;
  override readonly accounts: readonly AccountConfig[];
  override readonly orderStatusEventNames: readonly string[];
  override readonly settingsCacheTtlSeconds: number;
  override readonly settingsFile: string | undefined;
  override readonly statusHistory: StatusHistoryConfig;
  override readonly httpClientTimeoutMs: number;
  override readonly operationBatches: ConnectorConfig['operationBatches'];
  override readonly orderNotFoundMaxAgeSeconds: number;
  override readonly reconciliation: ConnectorConfig['reconciliation'];
  override readonly history: HistoryConfig;
  private readonly byAccount: ReadonlyMap<string, AccountScopes>;
  private readonly remembered = new LRUCache<string, RetailerScope>({ max: MAX_REMEMBERED_SCOPES });

  constructor(
    variables: Variables,
    scopes: readonly AccountScopes[],
    override readonly projects: readonly ProjectConfig[],
    override readonly warnings: readonly string[] = [],
    override readonly notices: readonly string[] = [],
  ) {
    super();
    this.role = variables.CONNECTOR_ROLE;
    this.server = {
      host: variables.HOST,
      port: variables.PORT,
      managementPort: ownManagementPort(variables),
      webhookPath: variables.WEBHOOK_PATH,
      webhookBodyLimitBytes: variables.WEBHOOK_BODY_LIMIT,
      drainDelaySeconds: variables.DRAIN_DELAY,
      shutdownTimeoutSeconds: variables.SHUTDOWN_TIMEOUT,
      adminTokens: adminTokensOf(variables),
    };
    this.commercetoolsMessages = messagesConfig(variables);
    this.queue = {
      redis: variables.REDIS_URL,
      redisWaitReplicas: variables.REDIS_WAIT_REPLICAS,
      concurrency: variables.QUEUE_CONCURRENCY,
      lockDurationMs: variables.QUEUE_LOCK_DURATION,
      dedupeWindowSeconds: variables.DEDUPE_WINDOW,
      recheckDelayMs: variables.RECHECK_DELAY,
      retry: {
        maxAgeSeconds: variables.RETRY_MAX_AGE,
        baseDelayMs: variables.RETRY_BASE_DELAY,
        maxDelayMs: variables.RETRY_MAX_DELAY,
      },
    };
    this.logging = { level: variables.LOG_LEVEL, format: variables.LOG_FORMAT };
    this.orderStatusEventNames = variables.ORDER_STATUS_EVENT_NAMES;
    this.settingsCacheTtlSeconds = variables.SETTINGS_CACHE_TTL;
    this.settingsFile = variables.SETTINGS_FILE;
    this.statusHistory = {
      isOn: variables.STATUS_HISTORY === 'audit-log',
      changeRules: variables.STATUS_CHANGE_RULES,
    };
    this.httpClientTimeoutMs = variables.HTTP_CLIENT_TIMEOUT;
    this.operationBatches = {
      reads: variables.OPERATION_BATCH_READS,
      writes: variables.OPERATION_BATCH_WRITES,
      // Mutations that wait hold a slot each (ADR 21).
      writesInFlight: Math.max(Math.ceil(variables.QUEUE_CONCURRENCY / 4), LEAST_WRITES_IN_FLIGHT),
    };
    this.orderNotFoundMaxAgeSeconds = variables.ORDER_NOT_FOUND_MAX_AGE;
    this.history = {
      // Only the admin API shows stories.
      ttlSeconds: this.server.adminTokens.length > 0 ? variables.HISTORY_TTL : 0,
      maxMegabytes: variables.HISTORY_MAX_MEMORY,
    };
    this.reconciliation = {
      intervalSeconds: variables.RECONCILE_INTERVAL,
      overlapSeconds: variables.RECONCILE_OVERLAP,
    };
    this.accounts = scopes.map(({ account }) => account);
    this.byAccount = new Map(scopes.map((each) => [each.account.id, each]));
  }

  override account(accountId: string): AccountConfig | undefined {
    return this.byAccount.get(accountId)?.account;
  }

  override scope(accountId: string, retailerId: string): RetailerScope | undefined {
    const scopes = this.byAccount.get(accountId);
    if (!scopes?.anyRetailer) return scopes?.retailers.get(retailerId);
    const key = JSON.stringify([accountId, retailerId]);
    let scope = this.remembered.get(key);
    if (!scope) {
      scope = Object.freeze({ ...scopes.anyRetailer, retailerId });
      this.remembered.set(key, scope);
    }
    return scope;
  }

  override retailerIds(accountId: string): readonly string[] {
    return [...(this.byAccount.get(accountId)?.retailers.keys() ?? [])];
  }
}

/** @returns undefined when management shares the listener. Port 0 selects a separate free port. */
function ownManagementPort({ PORT, MANAGEMENT_PORT }: Variables): number | undefined {
  return MANAGEMENT_PORT === PORT && PORT !== 0 ? undefined : MANAGEMENT_PORT;
}

/** `ADMIN_TOKEN` is the short form of a single token with the scope `write`. */
function adminTokensOf({ ADMIN_TOKEN: secret, ADMIN_TOKENS: named }: Variables): readonly AdminToken[] {
  return secret === undefined ? named : [{ name: ADMIN_TOKEN_NAME, scope: 'write', secret }, ...named];
}

/** The connector accepts messages only if it can verify their sender. */
function messagesConfig(variables: Variables): CommercetoolsMessagesConfig | undefined {
  const { COMMERCETOOLS_MESSAGES_AUDIENCE: audience, COMMERCETOOLS_MESSAGES_SECRET: secret } = variables;
  if (audience === undefined && secret === undefined) return undefined;
  return {
    path: variables.COMMERCETOOLS_MESSAGES_PATH,
    oidc:
      audience === undefined
        ? undefined
        : {
            audience,
            issuer: variables.COMMERCETOOLS_MESSAGES_ISSUER,
            jwksUrl: variables.COMMERCETOOLS_MESSAGES_JWKS_URL,
            serviceAccount: variables.COMMERCETOOLS_MESSAGES_SERVICE_ACCOUNT,
            subject: variables.COMMERCETOOLS_MESSAGES_SUBJECT,
          },
    secret,
  };
}
