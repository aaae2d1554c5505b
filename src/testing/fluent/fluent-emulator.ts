import { randomUUID } from 'node:crypto';
import { type FragmentDefinitionNode, type GraphQLError, Kind } from 'graphql';
import {
  type Answer,
  type ApiEmulatorOptions,
  type GraphqlCall,
  ApiEmulator,
  type Route,
} from '../http/api-emulator.js';
import type { EmulatorExtension, ExtensionContext } from '../http/emulator-extension.js';
import { GraphqlEngine, selectOperation } from '../http/graphql-engine.js';
import { type WebhookKeys, generateWebhookKeys } from '../webhook-signature.js';
import type { AuditLogRules } from './audit-log.js';
import { EmulatedCustomers } from './customer-state.js';
import { EventApi, type Refuse } from './event-api.js';
import { type EventRule, EventState, type FluentEventEntry } from './event-state.js';
import { FluentApiError } from './fluent-api-error.js';
import { CREATED, fluentResolvers } from './fluent-resolvers.js';
import { fluentSchema } from './fluent-schema.js';
import {
  type FluentOrderRecord,
  type FluentSettingRecord,
  FluentState,
  type NewFluentOrder,
  type NewFluentSetting,
  type StatusChange,
} from './fluent-state.js';
import { EmulatedFulfilments } from './fulfilment-state.js';
import { type BatchRules, type FluentJobEntry, JobApi } from './job-api.js';
import { queryComplexity } from './query-complexity.js';
import { REFERENCE_MAPPINGS, REFERENCE_WORKFLOWS } from './reference-data.js';
import { type EmulatedNotification, type WalkOptions, type WalkResult, walkOrder } from './workflow-walk.js';
import { type WebhookOutcome, type WebhookRetry, WebhookSender } from './webhook-sender.js';

/** Fluent's published limit of one query. */
const COMPLEXITY_LIMIT = 11_111;
const REST_PATH = '/api/v4.1/';
const BODY_LIMIT_BYTES = 2 * 1024 * 1024;

/** Options of {@link FluentEmulator}. Everything has a default that works. */
export interface FluentEmulatorOptions extends ApiEmulatorOptions {
  /** `ACME` by default. */
  accountId?: string;
  /** The retailer of new orders and settings; `1` by default. */
  retailerId?: string;
  username?: string;
  password?: string;
  clientId?: string;
  clientSecret?: string;
  /** Hand out single-use refresh tokens too. */
  refreshTokens?: boolean;
  /** The address that receives webhooks. You can set it later with {@link FluentEmulator.webhookUrl}. */
  webhookUrl?: string;
  /** The key pair that signs webhooks. By default, the emulator generates one when it needs it. */
  webhookKeys?: WebhookKeys;
  /** The name of the notifications; the built-in handler's by default. */
  eventName?: string;
  /**
   * The status into which the workflow moves an order right after `createOrder` has answered `CREATED`. The emulator
   * then sends the webhook. `RECEIVED` by default; with `CREATED`, the order stays in that status.
   */
  firstStatus?: string;
  /** What happens to a webhook that the receiver does not accept. */
  webhookRetry?: Partial<WebhookRetry>;
  /** Your own types, fields and data. */
  extensions?: readonly FluentExtension[];
}

/** Adds types, fields and data to a {@link FluentEmulator}. */
export type FluentExtension = EmulatorExtension<FluentEmulator>;

type FluentCredentials = Readonly<Record<'username' | 'password' | 'client_id' | 'client_secret', string>>;

/**
 * A Fluent account on 127.0.0.1: OAuth, GraphQL for orders and settings, the Events API, jobs and batches, and signed webhooks.
 *
 * @example
 * const fluent = await new FluentEmulator().start();
 * fluent.useReferenceMappings();
 * fluent.webhookUrl = connectorUrl;
 * const { id } = fluent.addOrder({ ref: 'O_1' });
 * await fluent.walk(id);
 * await fluent.stop();
 */
export class FluentEmulator extends ApiEmulator {
  readonly accountId: string;
  readonly retailerId: string;
  /** Signs and delivers webhooks over kept connections, and counts the results. */
  readonly webhooks: WebhookSender;
  /** Fulfilments with their items and articles, and consignments. */
  readonly fulfilments: EmulatedFulfilments;
  /** Customers, and the payments of orders. */
  readonly customers: EmulatedCustomers;

  protected readonly engine: GraphqlEngine;
  protected readonly bodyLimit = BODY_LIMIT_BYTES;
  protected readonly faultCodes = { rateLimit: 'C0011E', overload: 'S0020E', failure: 'S0002E' };

  readonly #state: FluentState;
  readonly #events: EventState;
  readonly #eventApi: EventApi;
  readonly #jobApi: JobApi;
  readonly #credentials: FluentCredentials;
  readonly #tokenLifetimeSeconds: number;
  readonly #refreshTokens?: Set<string>;
  readonly #eventName: string;
  readonly #firstStatus: string;
  readonly #created = new Set<NodeJS.Immediate>();
  #webhookKeys?: WebhookKeys;

  /** @throws Error when an extension does not fit. */
  constructor(options: FluentEmulatorOptions = {}) {
    super(options);
    const { accountId = 'ACME', retailerId = '1', refreshTokens = false, extensions = [] } = options;
    this.accountId = accountId;
    this.retailerId = retailerId;
    this.#credentials = {
      username: options.username ?? 'connector',
      password: options.password ?? 'connector-password',
      client_id: options.clientId ?? accountId,
      client_secret: options.clientSecret ?? 'fluent-secret',
    };
    this.#tokenLifetimeSeconds = options.tokenLifetimeSeconds ?? (refreshTokens ? 1800 : 86_386);
    if (refreshTokens) this.#refreshTokens = new Set();
    this.#eventName = options.eventName ?? 'fc.connect.order.webhook.order-status-update';
    this.#firstStatus = options.firstStatus ?? REFERENCE_WORKFLOWS.homeDelivery[0];
    this.#webhookKeys = options.webhookKeys;
    this.#state = new FluentState(retailerId, this.now);
    this.fulfilments = new EmulatedFulfilments(this.#state, this.now);
    this.customers = new EmulatedCustomers(this.now);
    this.#events = new EventState(this.now);
    const refuse: Refuse = (status, code, message) => ({
      status,
      body: this.errorBody(status, code, message),
    });
    this.#eventApi = new EventApi(accountId, this.#events, this.#state, this.now, refuse);
    this.#jobApi = new JobApi(this.now, refuse);
    const root = fluentResolvers(
      this.#state,
      this.fulfilments,
      this.customers,
      { username: this.#credentials.username, retailerId },
      (orderId) => this.#startWorkflow(orderId),
    );
    this.engine = new GraphqlEngine(fluentSchema, root, extensions, 'FluentEmulator');
    this.webhooks = new WebhookSender(
      () => this.webhookKeys.privateKey,
      options.webhookUrl,
      options.webhookRetry,
    );
    for (const { seed } of extensions) seed?.(this);
  }

  /** The address that receives webhooks. While it is undefined, the emulator sends none. */
  get webhookUrl(): string | undefined {
    return this.webhooks.url;
  }

  set webhookUrl(url: string | undefined) {
    this.webhooks.url = url;
  }

  /** The pair that signs the webhooks. */
  get webhookKeys(): WebhookKeys {
    return (this.#webhookKeys ??= generateWebhookKeys());
  }

  /** The environment variables that point a connector at this emulator. */
  get environment(): Record<string, string> {
    const { username, password, client_id: clientId, client_secret: clientSecret } = this.#credentials;
    return {
      FLUENT_ACCOUNT_ID: this.accountId,
      FLUENT_RETAILER_IDS: this.retailerId,
      FLUENT_BASE_URL: this.url,
      FLUENT_USERNAME: username,
      FLUENT_PASSWORD: password,
      FLUENT_CLIENT_ID: clientId,
      FLUENT_CLIENT_SECRET: clientSecret,
      FLUENT_WEBHOOK_PUBLIC_KEYS: this.webhookKeys.publicKey,
    };
  }

  /** @throws Error when the id is taken. */
  addOrder(order: NewFluentOrder): FluentOrderRecord {
    return this.#state.addOrder(order);
  }

  /** @returns the live record of an order by id, or undefined. */
  order(id: string): FluentOrderRecord | undefined {
    return this.#state.order(id);
  }

  /** Every order, oldest first. */
  get orders(): readonly FluentOrderRecord[] {
    return this.#state.orders;
  }

  /**
   * Writes a status and updates `updatedOn`, without a webhook. To send one, use {@link move}.
   *
   * @param by a `rule` (the default) leaves an entry in the audit log.
   * @throws Error when the order does not exist.
   */
  setStatus(orderId: string, status: string, by: StatusChange['by'] = 'rule'): FluentOrderRecord {
    return this.#state.setStatus(orderId, status, by);
  }

  /** Writes a status, then sends the webhook for it. */
  async move(orderId: string, status: string): Promise<WebhookOutcome> {
    this.setStatus(orderId, status);
    return this.notify(orderId);
  }

  /**
   * Sends the webhook for an order's current status, with retries.
   *
   * @param overrides fields that replace or extend the payload's.
   */
  async notify(orderId: string, overrides: Readonly<Record<string, unknown>> = {}): Promise<WebhookOutcome> {
    return this.webhooks.send(this.notification(orderId, overrides));
  }

  /**
   * Sends a webhook about a fulfilment: the fulfilment is the entity, and its order the root entity.
   *
   * @param overrides fields that replace or extend the payload's, such as `name` and `attributes`.
   * @throws Error when the fulfilment does not exist.
   */
  async notifyFulfilment(
    fulfilmentId: string,
    overrides: Readonly<Record<string, unknown>> = {},
  ): Promise<WebhookOutcome> {
    const fulfilment = this.fulfilments.get(fulfilmentId);
    if (!fulfilment) throw new Error(`Fluent emulator: there is no fulfilment ${fulfilmentId}`);
    return this.notify(fulfilment.orderId, {
      entityType: 'FULFILMENT',
      entityId: fulfilment.id,
      entityRef: fulfilment.ref,
      entitySubtype: fulfilment.type,
      entityStatus: fulfilment.status,
      ...overrides,
    });
  }

  /** @returns the payload of a webhook about an order, with a new id. Does not send it. */
  notification(orderId: string, overrides: Readonly<Record<string, unknown>> = {}): EmulatedNotification {
    const { id, ref, status, type, retailerId } = this.#state.existingOrder(orderId);
    return {
      id: randomUUID(),
      name: this.#eventName,
      accountId: this.accountId,
      retailerId,
      rootEntityId: id,
      rootEntityRef: ref,
      rootEntityType: 'ORDER',
      entityId: id,
      entityRef: ref,
      entityType: 'ORDER',
      entitySubtype: type,
      entityStatus: status,
      type: 'NORMAL',
      attributes: {},
      ...overrides,
    };
  }

  /**
   * Moves an order through a workflow. It writes each status and sends its webhook, and does not wait for
   * the answer before the next step. Resolves when it has written every status and every webhook has ended.
   *
   * @param statuses the home delivery workflow of the reference solution by default. If the order already has the first
   * status, the walk skips it.
   */
  async walk(
    orderId: string,
    statuses: readonly string[] = REFERENCE_WORKFLOWS.homeDelivery,
    options: WalkOptions = {},
  ): Promise<WalkResult> {
    return walkOrder(this, orderId, statuses, options);
  }

  /** Events that were sent to this account, oldest first; the latest 10,000 are kept. */
  get events(): readonly FluentEventEntry[] {
    return this.#events.events;
  }

  /**
   * Sets how the workflow reacts to events with this name. By default, every event ends as `COMPLETE`.
   *
   * @example
   * fluent.onEvent('OrderCancel', async ({ body }) => {
   *   await fluent.move(String(body.entityId), 'CANCELLED');
   * });
   * fluent.onEvent('WavePack', 'NO_MATCH');
   */
  onEvent(name: string, rule: EventRule): void {
    this.#events.setRule(name, rule);
  }

  /** Sets how the audit log answers from now on. For a missing permission, use the fault `forbidden`. */
  set auditLog(rules: AuditLogRules) {
    this.#eventApi.auditLog = rules;
  }

  /** Jobs with their batches, oldest first. */
  get jobs(): readonly FluentJobEntry[] {
    return this.#jobApi.jobs;
  }

  /** Inventory that batches have loaded, by `locationRef:skuRef`. */
  get inventory(): ReadonlyMap<string, Readonly<Record<string, unknown>>> {
    return this.#jobApi.inventory;
  }

  /** Sets how the emulator processes batches and their entities from now on. */
  set batchRules(rules: BatchRules) {
    this.#jobApi.rules = rules;
  }

  /** Creates the setting, or replaces the one with the same name, context and context id. */
  setSetting(setting: NewFluentSetting): FluentSettingRecord {
    return this.#state.setSetting(setting);
  }

  /** @returns whether the setting existed. Without a context, removes it from every context. */
  removeSetting(name: string, context?: string, contextId?: number): boolean {
    return this.#state.removeSetting(name, context, contextId);
  }

  /** Creates the three status mappings of the reference solution for a retailer. */
  useReferenceMappings(retailerId: string = this.retailerId): void {
    for (const [name, lobValue] of Object.entries(REFERENCE_MAPPINGS)) {
      this.setSetting({
        name,
        lobValue,
        valueType: 'JSON',
        context: 'RETAILER',
        contextId: Number(retailerId),
      });
    }
  }

  /** Moves a new order to its next status after the answer to its creation, unless it has another status by then. */
  #startWorkflow(orderId: string): void {
    const start = setImmediate(() => {
      this.#created.delete(start);
      if (this.#firstStatus === CREATED || this.order(orderId)?.status !== CREATED) return;
      this.setStatus(orderId, this.#firstStatus);
      if (this.webhookUrl !== undefined) void this.notify(orderId);
    });
    this.#created.add(start);
  }

  override async stop(): Promise<void> {
    for (const start of this.#created) clearImmediate(start);
    this.#created.clear();
    await Promise.all([super.stop(), this.webhooks.close()]);
  }

  protected route(method: string, path: string, query: URLSearchParams): Route {
    if (method === 'POST' && path === '/graphql') return 'graphql';
    if (method === 'POST' && path === '/oauth/token') return 'token';
    if (path.startsWith('/emulator/orders')) return 'control';
    return path.startsWith(REST_PATH)
      ? this.#restRoute(method, path.slice(REST_PATH.length), query)
      : undefined;
  }

  #restRoute(method: string, path: string, query: URLSearchParams): Route {
    const [resource, id, ...rest] = path.split('/').map(decodeURIComponent);
    if (resource === 'event' && rest.length === 0) {
      if (method === 'POST' && (id === 'async' || id === 'sync')) {
        const answer = (body: unknown): Promise<Answer> => this.#eventApi.send(id, body);
        return { name: 'sendEvent', mutation: true, answer };
      }
      if (method === 'GET' && id === undefined) {
        return { name: 'findEvents', mutation: false, answer: () => this.#eventApi.find(query) };
      }
      if (method === 'GET' && id) {
        return { name: 'getEvent', mutation: false, answer: () => this.#eventApi.get(id) };
      }
    }
    return resource === 'job' ? this.#jobRoute(method, id, rest) : undefined;
  }

  #jobRoute(method: string, id: string | undefined, rest: readonly string[]): Route {
    const api = this.#jobApi;
    const [collection, batchId] = rest;
    if (method === 'POST' && id === undefined) {
      return { name: 'createJob', mutation: true, answer: (body) => api.createJob(body) };
    }
    if (id === undefined || rest.length > 2) return undefined;
    if (method === 'GET' && collection === undefined) {
      return { name: 'getJob', mutation: false, answer: () => api.getJob(id) };
    }
    if (collection !== 'batch') return undefined;
    if (method === 'POST' && batchId === undefined) {
      return { name: 'sendBatch', mutation: true, answer: (body) => api.sendBatch(id, body) };
    }
    if (method === 'GET' && batchId) {
      return { name: 'getBatch', mutation: false, answer: () => api.getBatch(id, batchId) };
    }
    return undefined;
  }

  protected issueToken(form: URLSearchParams): Answer {
    const matches = (...names: (keyof FluentCredentials)[]): boolean =>
      names.every((name) => form.get(name) === this.#credentials[name]);
    switch (form.get('grant_type') ?? '') {
      case 'password':
        if (!matches('client_id', 'client_secret'))
          return oauthError('invalid_client', 'Bad client credentials');
        if (!matches('username', 'password')) return oauthError('invalid_grant', 'Bad credentials');
        break;
      case 'refresh_token':
        if (!matches('client_id', 'client_secret'))
          return oauthError('invalid_client', 'Bad client credentials');
        // A refresh token works once: deleting it is the check.
        if (!this.#refreshTokens?.delete(form.get('refresh_token') ?? '')) {
          return oauthError('invalid_grant', 'The refresh token is unknown or was used before');
        }
        break;
      default:
        return { ...oauthError('unsupported_grant_type', 'Use password or refresh_token'), status: 400 };
    }
    const expiresIn = this.#tokenLifetimeSeconds;
    const refreshToken = this.#refreshTokens && randomUUID();
    if (refreshToken) this.#refreshTokens?.add(refreshToken);
    return {
      status: 200,
      body: {
        access_token: this.tokens.issue(expiresIn, 'api'),
        token_type: 'bearer',
        refresh_token: refreshToken,
        expires_in: expiresIn,
        scope: 'api',
      },
    };
  }

  protected executeGraphql(call: GraphqlCall): Answer {
    const { prepared, variables } = call;
    const { document, errors } = prepared;
    if (!document) return { status: 200, body: { errors: errors?.map(withCode), data: null } };
    const operation = selectOperation(prepared, call.operationName);
    if (operation) {
      const fragments = Object.fromEntries(
        document.definitions
          .filter((node): node is FragmentDefinitionNode => node.kind === Kind.FRAGMENT_DEFINITION)
          .map((node) => [node.name.value, node.selectionSet]),
      );
      const complexity = queryComplexity(operation.node, fragments, variables);
      if (complexity > COMPLEXITY_LIMIT) {
        const message = `the query's complexity is ${complexity}, the limit ${COMPLEXITY_LIMIT}`;
        return { status: 200, body: { errors: [new FluentApiError('C0112E', message)], data: null } };
      }
    }
    const context: ExtensionContext<FluentEmulator> = { emulator: this };
    const result = this.engine.execute(document, call, context);
    if (!result.errors) return { status: 200, body: result };
    return { status: 200, body: { errors: result.errors.map(withCode), data: result.data ?? null } };
  }

  /** `POST /emulator/orders/{id}/status {"status"}` moves an order; `GET /emulator/orders` lists them. */
  protected async control(method: string, path: string, body: string): Promise<Answer> {
    if (method === 'GET' && path === '/emulator/orders') {
      return {
        status: 200,
        body: this.orders.map(({ id, ref, status, updatedOn }) => ({ id, ref, status, updatedOn })),
      };
    }
    const id = /^\/emulator\/orders\/([^/]+)\/status$/.exec(path)?.[1];
    if (method !== 'POST' || id === undefined) {
      return {
        status: 404,
        body: this.errorBody(404, 'ResourceNotFound', `nothing is at ${method} ${path}`),
      };
    }
    const status = readStatus(body);
    if (status === undefined) {
      return { status: 400, body: this.errorBody(400, 'InvalidInput', 'send {"status":"BOOKED"}') };
    }
    const order = this.order(id) ?? this.#state.orderByRef(id);
    if (!order) {
      return { status: 404, body: this.errorBody(404, 'ResourceNotFound', `there is no order ${id}`) };
    }
    this.setStatus(order.id, status);
    const webhook = this.webhookUrl === undefined ? undefined : await this.notify(order.id);
    return { status: 200, body: { id: order.id, ref: order.ref, status, webhook } };
  }

  protected errorBody(status: number, code: string, message: string): unknown {
    if (status === 401) return { error: code, error_description: message };
    return { errors: [{ message: `${code}: ${message}`, extensions: { code } }] };
  }
}

function oauthError(error: string, description: string): Answer {
  return { status: 401, body: { error, error_description: description } };
}

/** Errors that the GraphQL library found carry the code of a wrong request. */
function withCode(error: GraphQLError): object {
  const formatted = error.toJSON();
  return { ...formatted, extensions: { code: 'C0113E', ...formatted.extensions } };
}

function readStatus(body: string): string | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    const status =
      typeof parsed === 'object' && parsed !== null && 'status' in parsed ? parsed.status : undefined;
    return typeof status === 'string' && status.trim() !== '' ? status : undefined;
  } catch {
    return undefined;
  }
}
