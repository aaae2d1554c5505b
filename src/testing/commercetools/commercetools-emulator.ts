import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { type GraphQLError, type GraphQLSchema, isInputObjectType } from 'graphql';
import {
  type Answer,
  type ApiEmulatorOptions,
  type GraphqlCall,
  type Route,
  ApiEmulator,
} from '../http/api-emulator.js';
import type { EmulatorExtension, ExtensionContext } from '../http/emulator-extension.js';
import { GraphqlEngine } from '../http/graphql-engine.js';
import type { UpdateActionRule } from './action-table.js';
import { type RequestContext, commercetoolsResolvers } from './commercetools-resolvers.js';
import { commercetoolsSchema } from './commercetools-schema.js';
import {
  CommercetoolsState,
  type NewCommercetoolsOrder,
  type OrderWrite,
  type StoredOrder,
  contentOf,
} from './commercetools-state.js';
import { type EmulatedMessage, type MessageOptions, MessageSender } from './message-sender.js';
import { type MessagePayload, messagesAbout } from './order-messages.js';
import type { CommercetoolsOrderRecord, EmulatedOrderStates } from './order-record.js';
import { plainOrder } from './order-representation.js';
import {
  type CommercetoolsStoreRecord,
  type CommercetoolsTypeRecord,
  type NewCommercetoolsStore,
  type NewCommercetoolsType,
  ProjectState,
} from './project-state.js';
import { UPDATE_ACTIONS } from './update-actions.js';

/** The API client of all other writers. */
const SHOP_CLIENT_ID = 'shop';
const BODY_LIMIT_BYTES = 16 * 1024 * 1024;

/** Options of {@link CommercetoolsEmulator}. Everything has a default that works. */
export interface CommercetoolsEmulatorOptions extends ApiEmulatorOptions {
  /** `demo` by default. */
  projectKey?: string;
  clientId?: string;
  clientSecret?: string;
  /** The scopes of the API client; by default `manage_project:{projectKey}`, which includes all others. */
  clientScopes?: readonly string[];
  /** The increment of the version for each write; 3 by default, so tests do not rely on 1. */
  versionStep?: number | (() => number);
  /** HTTP status of a `ConcurrentModification`; 200 by default. Some gateways change it to 409. */
  conflictStatus?: number;
  /** The address that receives messages about changed order states. You can set it later with {@link CommercetoolsEmulator.messagesUrl}. */
  messagesUrl?: string;
  /** Which messages are sent, and how. */
  messages?: MessageOptions;
  /** Your own types, fields, update actions and data. */
  extensions?: readonly CommercetoolsExtension[];
}

/** Adds types, fields, update actions and data to a {@link CommercetoolsEmulator}. */
export interface CommercetoolsExtension extends EmulatorExtension<CommercetoolsEmulator> {
  /** A rule for each field that the SDL adds to `OrderUpdateAction`. */
  readonly updateActions?: Readonly<Record<string, UpdateActionRule>>;
}

/**
 * A commercetools project on 127.0.0.1: OAuth and GraphQL for orders with optimistic locking, and a
 * subscription that pushes `OrderStateChanged` messages.
 *
 * @example
 * const commercetools = await new CommercetoolsEmulator().start();
 * commercetools.addOrder({ orderNumber: 'O_1' });
 * Object.assign(process.env, commercetools.environment);
 */
export class CommercetoolsEmulator extends ApiEmulator {
  readonly projectKey: string;
  /** Delivers messages and counts the results. `enabled` switches it on and off. */
  readonly messages: MessageSender;

  protected readonly engine: GraphqlEngine;
  protected readonly bodyLimit = BODY_LIMIT_BYTES;
  protected readonly faultCodes = { rateLimit: 'OverCapacity', overload: 'OverCapacity', failure: 'General' };

  readonly #state: CommercetoolsState;
  readonly #resources: ProjectState;
  /** How many messages there were about each order, by its id. */
  readonly #sequences = new Map<string, number>();
  readonly #clientId: string;
  readonly #clientSecret: string;
  readonly #clientScopes: readonly string[];
  readonly #tokenLifetimeSeconds: number;
  readonly #conflictStatus: number;
  /** The few scope texts that clients ask for, split once. */
  readonly #scopes = new Map<string, ReadonlySet<string>>();

  /** @throws Error when an extension does not fit. */
  constructor(options: CommercetoolsEmulatorOptions = {}) {
    super(options);
    const { projectKey = 'demo', versionStep = 3, extensions = [] } = options;
    this.projectKey = projectKey;
    this.#clientId = options.clientId ?? 'connector';
    this.#clientSecret = options.clientSecret ?? 'commercetools-secret';
    this.#clientScopes = options.clientScopes ?? [`manage_project:${projectKey}`];
    this.#tokenLifetimeSeconds = options.tokenLifetimeSeconds ?? 172_800;
    this.#conflictStatus = options.conflictStatus ?? 200;
    this.#resources = new ProjectState(this.now);
    const updateActions = Object.assign({}, ...extensions.map((extension) => extension.updateActions));
    this.#state = new CommercetoolsState(
      typeof versionStep === 'function' ? versionStep : () => versionStep,
      this.now,
      this.#resources,
      updateActions,
      (write) => this.#publish(write),
    );
    this.messages = new MessageSender(() => this.url, options.messages, options.messagesUrl);
    const root = commercetoolsResolvers({
      key: projectKey,
      orders: this.#state,
      resources: this.#resources,
      onSubscription: (types) => (this.messages.types = types),
      now: this.now,
    });
    this.engine = new GraphqlEngine(commercetoolsSchema, root, extensions, 'CommercetoolsEmulator');
    checkActions(this.engine.schema, Object.keys(updateActions));
    for (const { seed } of extensions) seed?.(this);
  }

  /** The environment variables that point a connector at this emulator. */
  get environment(): Record<string, string> {
    return {
      CTP_PROJECT_KEY: this.projectKey,
      CTP_CLIENT_ID: this.#clientId,
      CTP_CLIENT_SECRET: this.#clientSecret,
      CTP_AUTH_URL: this.url,
      CTP_API_URL: this.url,
      CTP_SCOPES: `manage_orders:${this.projectKey}`,
    };
  }

  /** The address that receives messages. While it is undefined, the emulator sends none. */
  get messagesUrl(): string | undefined {
    return this.messages.url;
  }

  set messagesUrl(url: string | undefined) {
    this.messages.url = url;
  }

  /** The environment variables that make a connector accept the messages. */
  get messagesEnvironment(): Record<string, string> {
    const { secret, audience, serviceAccount } = this.messages;
    if (secret !== undefined) return { COMMERCETOOLS_MESSAGES_SECRET: secret };
    return {
      COMMERCETOOLS_MESSAGES_AUDIENCE: audience,
      COMMERCETOOLS_MESSAGES_SERVICE_ACCOUNT: serviceAccount,
      COMMERCETOOLS_MESSAGES_ISSUER: this.url,
      COMMERCETOOLS_MESSAGES_JWKS_URL: `${this.url}/emulator/certs`,
    };
  }

  /** @throws Error when the id or the number is taken. */
  addOrder(order: NewCommercetoolsOrder): CommercetoolsOrderRecord {
    return this.#state.addOrder(order, SHOP_CLIENT_ID);
  }

  /**
   * Adds an order as a shop does, and sends the message `OrderCreated` if the subscription asks for it.
   *
   * @throws Error when the id or the number is taken.
   */
  placeOrder(order: NewCommercetoolsOrder): CommercetoolsOrderRecord {
    const stored = this.#state.addOrder(order, SHOP_CLIENT_ID);
    const payload = { type: 'OrderCreated', order: plainOrder(stored, this.#resources) };
    this.#send(stored.id, [payload], SHOP_CLIENT_ID);
    return stored;
  }

  /**
   * Adds a type of custom fields. From the first type on, the emulator refuses custom fields of other types, fields
   * that a type does not have, and values that do not fit. Without any type, it accepts every custom field.
   *
   * @throws Error when the key is taken.
   */
  addType(type: NewCommercetoolsType): CommercetoolsTypeRecord {
    return this.#resources.addType(type);
  }

  /** @throws Error when the key is taken. */
  addStore(store: NewCommercetoolsStore): CommercetoolsStoreRecord {
    return this.#resources.addStore(store);
  }

  /** @returns the live record of the order with that number, or else that id, or undefined. */
  order(orderNumberOrId: string): CommercetoolsOrderRecord | undefined {
    return this.#state.orderByNumber(orderNumberOrId) ?? this.#state.order(orderNumberOrId);
  }

  /** Every order, oldest first. */
  get orders(): readonly CommercetoolsOrderRecord[] {
    return this.#state.orders;
  }

  /**
   * Changes an order as another client: changes its states and version at once, and sends a message.
   *
   * @param clientId the API client that writes.
   * @throws Error when the order does not exist.
   */
  setStates(
    orderNumberOrId: string,
    states: Partial<EmulatedOrderStates>,
    clientId = SHOP_CLIENT_ID,
  ): CommercetoolsOrderRecord {
    const order = this.#existingOrder(orderNumberOrId);
    const { orderState, paymentState, shipmentState } = states;
    const actions = [
      ...(orderState === undefined ? [] : [{ changeOrderState: { orderState } }]),
      ...(paymentState === undefined ? [] : [{ changePaymentState: { paymentState } }]),
      ...(shipmentState === undefined ? [] : [{ changeShipmentState: { shipmentState } }]),
    ];
    return this.#state.update(order, order.version, actions, clientId);
  }

  /**
   * @param fields replace or extend the fields of a message about a cancelled order.
   * @returns a message about an order, with a new id. Does not send it.
   * @throws Error when the order does not exist.
   */
  message(orderNumberOrId: string, fields: Readonly<Record<string, unknown>> = {}): EmulatedMessage {
    const { id } = this.#existingOrder(orderNumberOrId);
    const states = { orderState: 'Cancelled', oldOrderState: 'Open' };
    const sequenceNumber = this.#sequences.get(id) ?? 1;
    return this.#message(id, {
      sequenceNumber,
      type: 'OrderStateChanged',
      orderId: id,
      ...states,
      ...fields,
    });
  }

  override async stop(): Promise<void> {
    await Promise.all([super.stop(), this.messages.close()]);
  }

  protected route(method: string, path: string): Route {
    if (method === 'GET' && (path === '/emulator/orders' || path === '/emulator/certs')) return 'control';
    if (method !== 'POST') return undefined;
    if (path === '/oauth/token') return 'token';
    return path === `/${this.projectKey}/graphql` ? 'graphql' : undefined;
  }

  protected issueToken(form: URLSearchParams, { authorization }: IncomingHttpHeaders): Answer {
    const credentials = `${this.#clientId}:${this.#clientSecret}`;
    const given = /^basic (.+)$/i.exec(authorization ?? '')?.[1];
    if (given === undefined || Buffer.from(given, 'base64').toString() !== credentials) {
      return this.#oauthError(401, 'invalid_client', 'the client id or secret in the Basic header is wrong');
    }
    if (form.get('grant_type') !== 'client_credentials') {
      return this.#oauthError(400, 'unsupported_grant_type', 'grant_type must be client_credentials');
    }
    const scope = form.get('scope')?.trim() || this.#clientScopes.join(' ');
    const refused = scope.split(/\s+/).filter((wanted) => !this.#mayAskFor(wanted));
    if (refused.length > 0) {
      return this.#oauthError(400, 'invalid_scope', `the client has no permission for: ${refused.join(' ')}`);
    }
    return {
      status: 200,
      body: {
        access_token: this.tokens.issue(this.#tokenLifetimeSeconds, scope),
        expires_in: this.#tokenLifetimeSeconds,
        token_type: 'Bearer',
        scope,
      },
    };
  }

  protected executeGraphql({ prepared, scope, forceConflict, ...parameters }: GraphqlCall): Answer {
    const { document, errors } = prepared;
    if (!document) return { status: 400, body: { errors: errors?.map(withCode) } };
    const context: RequestContext & ExtensionContext<CommercetoolsEmulator> = {
      scopes: this.#scopesOf(scope),
      clientId: this.#clientId,
      forceConflict,
      emulator: this,
    };
    const result = this.engine.execute(document, parameters, context);
    if (!result.errors) return { status: 200, body: result };
    return {
      status: this.#statusOf(result.errors),
      body: { ...result, errors: result.errors.map(withCode) },
    };
  }

  /** `GET /emulator/orders` lists the orders with their states, `GET /emulator/certs` the keys of message tokens. */
  protected async control(_method: string, path: string): Promise<Answer> {
    if (path === '/emulator/certs') return { status: 200, body: await this.messages.keySet() };
    const body = this.orders.map(({ id, orderNumber, version, orderState, paymentState, shipmentState }) => ({
      id,
      orderNumber,
      version,
      orderState,
      paymentState,
      shipmentState,
    }));
    return { status: 200, body };
  }

  protected errorBody(statusCode: number, code: string, message: string): unknown {
    const oauth = statusCode === 401 ? { error: code, error_description: message } : {};
    return { statusCode, message, errors: [{ code, message }], ...oauth };
  }

  #existingOrder(orderNumberOrId: string): StoredOrder {
    const order = this.#state.orderByNumber(orderNumberOrId) ?? this.#state.order(orderNumberOrId);
    if (!order) throw new Error(`commercetools emulator: there is no order ${orderNumberOrId}`);
    return order;
  }

  #message(orderId: string, fields: Readonly<Record<string, unknown>>): EmulatedMessage {
    const { id, orderNumber, version } = this.#existingOrder(orderId);
    const time = new Date(this.now()).toISOString();
    return {
      notificationType: 'Message',
      projectKey: this.projectKey,
      id: randomUUID(),
      version: 1,
      resource: { typeId: 'order', id },
      resourceUserProvidedIdentifiers: { orderNumber },
      resourceVersion: version,
      createdAt: time,
      lastModifiedAt: time,
      ...fields,
    };
  }

  #publish({ order, before, clientId }: OrderWrite): void {
    this.#send(order.id, messagesAbout(order.id, before, contentOf(order)), clientId);
  }

  /** Numbers every message about an order, and sends those that the subscription asks for. */
  #send(orderId: string, payloads: readonly MessagePayload[], clientId: string): void {
    const initiator = this.messages.namesInitiators && {
      createdBy: { isPlatformClient: false, clientId },
      lastModifiedBy: { isPlatformClient: false, clientId },
    };
    for (const payload of payloads) {
      const sequenceNumber = (this.#sequences.get(orderId) ?? 0) + 1;
      this.#sequences.set(orderId, sequenceNumber);
      if (!this.messages.isSubscribedTo(payload.type)) continue;
      this.messages.publish(this.#message(orderId, { sequenceNumber, ...payload, ...initiator }));
    }
  }

  #mayAskFor(scope: string): boolean {
    if (this.#clientScopes.includes(scope)) return true;
    const ownProject = scope.endsWith(`:${this.projectKey}`);
    return ownProject && this.#clientScopes.includes(`manage_project:${this.projectKey}`);
  }

  #scopesOf(scope: string): ReadonlySet<string> {
    let scopes = this.#scopes.get(scope);
    if (!scopes) {
      scopes = new Set(scope.split(/\s+/));
      if (this.#scopes.size >= 100) this.#scopes.clear();
      this.#scopes.set(scope, scopes);
    }
    return scopes;
  }

  #statusOf(errors: readonly GraphQLError[]): number {
    const codes = errors.map(codeOf);
    if (codes.includes('InvalidInput')) return 400;
    return codes.includes('ConcurrentModification') ? this.#conflictStatus : 200;
  }

  #oauthError(status: number, error: string, description: string): Answer {
    const body = {
      statusCode: status,
      message: description,
      errors: [{ code: error, message: description }],
    };
    return { status, body: { ...body, error, error_description: description } };
  }
}

/** @throws Error when an update action has no rule, or a rule no update action. */
function checkActions(schema: GraphQLSchema, added: readonly string[]): void {
  const input = schema.getType('OrderUpdateAction');
  const names = isInputObjectType(input) ? Object.keys(input.getFields()) : [];
  const known = new Set([...UPDATE_ACTIONS, ...added]);
  const lacking = names.find((name) => !known.has(name));
  if (lacking !== undefined) {
    throw new Error(`CommercetoolsEmulator: an extension lacks the rule of the update action ${lacking}`);
  }
  const unknown = added.find((name) => !names.includes(name));
  if (unknown === undefined) return;
  throw new Error(
    `CommercetoolsEmulator: an extension has a rule for ${unknown}, which is not in OrderUpdateAction`,
  );
}

/** commercetools reports errors of the GraphQL library as InvalidInput. */
function codeOf({ extensions }: GraphQLError): unknown {
  return extensions.code ?? 'InvalidInput';
}

function withCode(error: GraphQLError): object {
  const formatted = error.toJSON();
  return { ...formatted, extensions: { code: 'InvalidInput', ...formatted.extensions } };
}
