import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { GraphQLError } from 'graphql';
import {
  type Answer,
  type ApiEmulatorOptions,
  type GraphqlCall,
  type Route,
  ApiEmulator,
} from '../http/api-emulator.js';
import { GraphqlEngine } from '../http/graphql-engine.js';
import { type RequestContext, commercetoolsResolvers } from './commercetools-resolvers.js';
import { commercetoolsSchema } from './commercetools-schema.js';
import { CommercetoolsState, type NewCommercetoolsOrder, type OrderWrite } from './commercetools-state.js';
import { type EmulatedMessage, type MessageOptions, MessageSender } from './message-sender.js';
import type { CommercetoolsOrderRecord, EmulatedOrderStates } from './order-record.js';

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
  /** How they are sent. */
  messages?: MessageOptions;
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
  readonly #clientId: string;
  readonly #clientSecret: string;
  readonly #clientScopes: readonly string[];
  readonly #tokenLifetimeSeconds: number;
  readonly #conflictStatus: number;
  /** The few scope texts that clients ask for, split once. */
  readonly #scopes = new Map<string, ReadonlySet<string>>();

  constructor(options: CommercetoolsEmulatorOptions = {}) {
    super(options);
    const { projectKey = 'demo', versionStep = 3 } = options;
    this.projectKey = projectKey;
    this.#clientId = options.clientId ?? 'connector';
    this.#clientSecret = options.clientSecret ?? 'commercetools-secret';
    this.#clientScopes = options.clientScopes ?? [`manage_project:${projectKey}`];
    this.#tokenLifetimeSeconds = options.tokenLifetimeSeconds ?? 172_800;
    this.#conflictStatus = options.conflictStatus ?? 200;
    this.#state = new CommercetoolsState(
      typeof versionStep === 'function' ? versionStep : () => versionStep,
      this.now,
      (write) => this.#publish(write),
    );
    this.messages = new MessageSender(() => this.url, options.messages, options.messagesUrl);
    this.engine = new GraphqlEngine(commercetoolsSchema, commercetoolsResolvers(this.#state, projectKey));
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
    const order = this.#state.orderByNumber(orderNumberOrId) ?? this.#state.order(orderNumberOrId);
    if (!order) throw new Error(`commercetools emulator: there is no order ${orderNumberOrId}`);
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
    const order = this.order(orderNumberOrId);
    if (!order) throw new Error(`commercetools emulator: there is no order ${orderNumberOrId}`);
    const time = new Date(this.now()).toISOString();
    return {
      notificationType: 'Message',
      projectKey: this.projectKey,
      id: randomUUID(),
      version: 1,
      sequenceNumber: order.history.length,
      resource: { typeId: 'order', id: order.id },
      resourceUserProvidedIdentifiers: { orderNumber: order.orderNumber },
      resourceVersion: order.version,
      createdAt: time,
      lastModifiedAt: time,
      type: 'OrderStateChanged',
      orderId: order.id,
      orderState: 'Cancelled',
      oldOrderState: 'Open',
      ...fields,
    };
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
    const context: RequestContext = {
      scopes: this.#scopesOf(scope),
      clientId: this.#clientId,
      forceConflict,
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

  #publish({ order, before, clientId }: OrderWrite): void {
    if (order.orderState === before.orderState) return;
    const initiator = this.messages.namesInitiators && {
      createdBy: { isPlatformClient: false, clientId },
      lastModifiedBy: { isPlatformClient: false, clientId },
    };
    const states = { orderState: order.orderState, oldOrderState: before.orderState };
    this.messages.publish(this.message(order.id, { ...states, ...initiator }));
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

/** commercetools reports errors of the GraphQL library as InvalidInput. */
function codeOf({ extensions }: GraphQLError): unknown {
  return extensions.code ?? 'InvalidInput';
}

function withCode(error: GraphQLError): object {
  const formatted = error.toJSON();
  return { ...formatted, extensions: { code: 'InvalidInput', ...formatted.extensions } };
}
