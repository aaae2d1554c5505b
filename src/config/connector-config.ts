import type { KeyObject } from 'node:crypto';
import type { RedisTarget } from './redis-target.js';

/** What a process does: accept webhooks, process notifications, or both. */
export type ConnectorRole = 'all' | 'ingress' | 'worker';

/** The field of the commercetools order that holds the Fluent order ref; a custom field by its name. */
export type OrderLookupField = 'orderNumber' | 'id' | `customField:${string}`;

/** The three kinds of status mapping. */
export type MappingKind = 'order' | 'payment' | 'shipping';

/** The setting name of each mapping; `undefined` means that the mapping is switched off. */
export type MappingSettings = Readonly<Record<MappingKind, string | undefined>>;

/** One Fluent account: its API, credentials and webhook public keys. */
export interface AccountConfig {
  readonly id: string;
  /** Without a trailing slash. */
  readonly baseUrl: string;
  readonly username: string;
  readonly password: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** RSA keys. A webhook passes when its signature matches any of them. */
  readonly webhookPublicKeys: readonly KeyObject[];
  readonly allowMd5Signature: boolean;
}

/** One commercetools project. */
export interface ProjectConfig {
  readonly key: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Without a trailing slash. */
  readonly authUrl: string;
  /** Without a trailing slash. */
  readonly apiUrl: string;
  /** Space-separated, as commercetools writes them. */
  readonly scopes: string;
}

/** The options that depend on the account and retailer of a notification. */
export interface RetailerScope {
  readonly account: AccountConfig;
  readonly retailerId: string;
  readonly project: ProjectConfig;
  readonly orderLookup: OrderLookupField;
  /** Stripped from the Fluent ref before the look-up. */
  readonly orderRefPrefix?: string;
  readonly mappingSettings: MappingSettings;
}

/** What the bearer of an admin token may do: `read` allows reading, `write` also allows changes. */
export type AdminScope = 'read' | 'write';

/** A token for the endpoints below `/admin`. */
export interface AdminToken {
  /** The name of the person or script that uses it, for the audit log. */
  readonly name: string;
  readonly scope: AdminScope;
  /** At least 16 characters. */
  readonly secret: string;
}

/** The HTTP server and its shutdown. */
export interface ServerConfig {
  readonly host: string;
  readonly port: number;
  /** Port of the listener for health, metrics and admin; undefined while they share {@link port}. */
  readonly managementPort?: number;
  readonly webhookPath: string;
  readonly webhookBodyLimitBytes: number;
  readonly drainDelaySeconds: number;
  readonly shutdownTimeoutSeconds: number;
  /** Without tokens, the admin endpoints do not exist. */
  readonly adminTokens: readonly AdminToken[];
}

/** When and for how long the connector retries a failed notification. */
export interface RetryConfig {
  readonly maxAgeSeconds: number;
  readonly baseDelayMs: number;
  readonly maxDelayMs: number;
}

/** The queue and its workers. */
export interface QueueConfig {
  /** The Redis to connect to; it may contain a password. Undefined only with a queue that needs no Redis. */
  readonly redis?: RedisTarget;
  /** How many replicas must have a notification before it counts as accepted. */
  readonly redisWaitReplicas: number;
  readonly concurrency: number;
  /** If a worker does not renew the lock of a job for this long, another worker takes the job over. */
  readonly lockDurationMs: number;
  readonly dedupeWindowSeconds: number;
  /** How long after the acceptance a run rechecks an order whose status was not the announced one. */
  readonly recheckDelayMs: number;
  readonly retry: RetryConfig;
}

/** The default of {@link OperationBatchConfig.writesInFlight}. A worker with many slots has more. */
export const LEAST_WRITES_IN_FLIGHT = 64;

/** How GraphQL operations of the same document share requests. */
export interface OperationBatchConfig {
  /** The most queries of one request; 1 sends each alone. */
  readonly reads: number;
  /** The most mutations of one request; 1 sends each alone. */
  readonly writes: number;
  /** While so many requests with mutations of a document are under way, further mutations wait and share the next one; 64 by default. */
  readonly writesInFlight?: number;
}

/** How the connector authenticates messages that commercetools pushes; at least one of `oidc` and `secret` is set. */
export interface CommercetoolsMessagesConfig {
  readonly path: string;
  /** The accepted issuer of tokens. */
  readonly oidc?: {
    readonly audience: string;
    readonly issuer: string;
    readonly jwksUrl: string;
    /** The e-mail address of the accepted sender. This or `subject` is set. */
    readonly serviceAccount?: string;
    /** The `sub` claim of the accepted sender. */
    readonly subject?: string;
  };
  /** The value of the shared-secret header. */
  readonly secret?: string;
}

/** Where the connector reads the statuses that an order has passed. */
export interface StatusHistoryConfig {
  readonly isOn: boolean;
  /** The name endings, in Fluent's audit log, of the rules that set a status. */
  readonly changeRules: readonly string[];
}

/** How long, and in how much memory, the connector keeps the stories of orders. */
export interface HistoryConfig {
  /** With 0, the connector keeps no stories. */
  readonly ttlSeconds: number;
  /** The memory in Redis for the stories of all orders together. */
  readonly maxMegabytes: number;
}

/** The level and format of the log. */
export interface LoggingConfig {
  readonly level: string;
  readonly format: 'json' | 'pretty';
  /** Where JSON lines go; 1, standard output, by default. */
  readonly fileDescriptor?: number;
}

/**
 * The validated configuration of one process; also its injection token. Values are final: secrets are
 * read from their files, defaults applied, URLs trimmed.
 */
export abstract class ConnectorConfig {
  abstract readonly role: ConnectorRole;
  abstract readonly server: ServerConfig;
  /** Undefined while the connector does not accept messages from commercetools. */
  abstract readonly commercetoolsMessages?: CommercetoolsMessagesConfig;
  /** Valid settings that an operator should change, for the log at start and `/health`. They contain no secret. */
  abstract readonly warnings: readonly string[];
  /** What an operator should know of valid settings, for the log at start only. */
  readonly notices: readonly string[] = [];
  abstract readonly queue: QueueConfig;
  abstract readonly logging: LoggingConfig;
  abstract readonly accounts: readonly AccountConfig[];
  abstract readonly projects: readonly ProjectConfig[];
  /** Notification names of the built-in order status handler. */
  abstract readonly orderStatusEventNames: readonly string[];
  abstract readonly settingsCacheTtlSeconds: number;
  /** A file or folder from which the connector reads settings instead of Fluent. */
  abstract readonly settingsFile: string | undefined;
  abstract readonly statusHistory: StatusHistoryConfig;
  abstract readonly httpClientTimeoutMs: number;
  abstract readonly operationBatches: OperationBatchConfig;
  abstract readonly orderNotFoundMaxAgeSeconds: number;
  abstract readonly history: HistoryConfig;
  abstract readonly reconciliation: { readonly intervalSeconds: number; readonly overlapSeconds: number };

  /** @returns the account with that id, or undefined when it is not configured. */
  abstract account(accountId: string): AccountConfig | undefined;

  /** @returns the scope of a retailer, or undefined when account or retailer is not configured. */
  abstract scope(accountId: string, retailerId: string): RetailerScope | undefined;

  /** Retailer ids configured for an account; empty means any retailer is accepted. */
  abstract retailerIds(accountId: string): readonly string[];

  /** @returns the scope of every configured retailer; none for an account that accepts any retailer. */
  scopes(): readonly RetailerScope[] {
    return this.accounts
      .flatMap(({ id }) => this.retailerIds(id).map((retailerId) => this.scope(id, retailerId)))
      .filter((scope) => scope !== undefined);
  }
}
