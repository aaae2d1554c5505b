import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { isJsonObject } from '../../json.js';
import { AccessTokens } from './access-tokens.js';
import type { EmulatorInterceptor, EmulatorRequest, EmulatorResponse } from './emulator-request.js';
import { type Fault, FaultSwitches } from './faults.js';
import {
  type GraphqlEngine,
  type PreparedDocument,
  selectOperation,
  withFirstFields,
} from './graphql-engine.js';
import { RequestLog } from './request-log.js';

/** Options that every emulator takes. */
export interface ApiEmulatorOptions {
  /** Lifetime of an access token, seconds. */
  tokenLifetimeSeconds?: number;
  /** How many of the latest requests the log keeps; 1000 by default. The counters include all requests. */
  requestLogSize?: number;
  /** The clock, milliseconds since 1970; `Date.now` by default. */
  now?: () => number;
}

/** What a request is for. */
export type Route = 'token' | 'graphql' | 'control' | RestRoute | undefined;

/** A call of a REST API. */
export interface RestRoute {
  /** For faults, counters and interceptors, e.g. `sendEvent`. */
  readonly name: string;
  readonly mutation: boolean;
  /** Executes the call; the token has been checked. The body is parsed JSON, or undefined when it was empty. */
  readonly answer: (body: unknown) => Answer | Promise<Answer>;
}

/** An answer together with headers beyond the content type. */
export interface Answer extends EmulatorResponse {
  readonly headers?: Readonly<Record<string, string>>;
}

/** A GraphQL request whose document is valid. */
export interface GraphqlCall {
  readonly prepared: PreparedDocument;
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly operationName?: string;
  /** The scope of the token. */
  readonly scope: string;
  /** A write must fail as a version conflict. */
  readonly forceConflict: boolean;
}

const OVERSIZED_BYTES = 16 * 1024 * 1024 + 1;
const HALF_AN_ANSWER = '{"data":{"order":{"id":"4711","versi';
const HTML = '<html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>';

/** Thrown while a body is read, when it is longer than the API allows. */
class BodyTooLargeError extends Error {}

/**
 * The base of both emulators: an HTTP server on 127.0.0.1 with OAuth and one GraphQL endpoint, faults,
 * interceptors and a request log. It keeps its state in memory; the state survives `down()`.
 */
export abstract class ApiEmulator {
  /** Turn faults on and off at any time. */
  readonly faults = new FaultSwitches();
  /** The requests so far. */
  readonly requests: RequestLog;

  protected readonly now: () => number;
  protected readonly tokens: AccessTokens;
  protected abstract readonly engine: GraphqlEngine;
  /** Longest accepted body, bytes. */
  protected abstract readonly bodyLimit: number;

  readonly #server: Server;
  #port = 0;
  #interceptors: readonly EmulatorInterceptor[] = [];

  protected constructor(options: ApiEmulatorOptions) {
    this.now = options.now ?? Date.now;
    this.tokens = new AccessTokens(this.now);
    this.requests = new RequestLog(options.requestLogSize);
    this.#server = createServer({ keepAliveTimeout: 65_000 }, (request, response) => {
      // An error here is a defect of the emulator or of an interceptor, so report it to the client.
      this.#serve(request, response).catch((error: unknown) => {
        if (response.headersSent) response.destroy();
        else send(response, { status: 500, body: { message: `emulator: ${String(error)}` } });
      });
    });
  }

  /** `http://127.0.0.1:<port>`, without a trailing slash. */
  get url(): string {
    if (this.#port === 0) throw new Error(`${this.constructor.name} has not been started`);
    return `http://127.0.0.1:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  /**
   * @param port 0 selects a free port.
   * @throws Error when the port is taken.
   */
  async start(port = 0): Promise<this> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port, host: '127.0.0.1' }, () => {
        this.#server.removeListener('error', reject);
        resolve();
      });
    });
    this.#port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  /** Closes the port and every connection, including hanging ones. You can call it twice. */
  async stop(): Promise<void> {
    await this.down();
  }

  /** Takes the server down: it breaks connections and refuses new ones until {@link up}. The state stays. */
  async down(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve, reject) => {
      this.#server.close((error) => (error ? reject(error) : resolve()));
    });
    this.#server.closeAllConnections();
    await closed;
  }

  /** Brings the server back on the same port. */
  async up(): Promise<void> {
    if (!this.#server.listening) await this.start(this.#port);
  }

  /**
   * Adds hooks to every API request, to observe requests or to hold them between steps. A function counts as `before`.
   * Hooks run in the order in which you add them.
   *
   * @returns a function that removes the hooks.
   */
  intercept(interceptor: EmulatorInterceptor | NonNullable<EmulatorInterceptor['before']>): () => void {
    const added = typeof interceptor === 'function' ? { before: interceptor } : interceptor;
    this.#interceptors = [...this.#interceptors, added];
    return () => {
      this.#interceptors = this.#interceptors.filter((other) => other !== added);
    };
  }

  /** Revokes every token that the emulator has issued. */
  revokeTokens(): void {
    this.tokens.revokeAll();
  }

  protected abstract route(method: string, path: string, query: URLSearchParams): Route;
  protected abstract issueToken(form: URLSearchParams, headers: IncomingMessage['headers']): Answer;
  protected abstract executeGraphql(call: GraphqlCall): Answer;
  protected abstract control(method: string, path: string, body: string): Promise<Answer>;
  /** The API's format of an error outside of GraphQL results. */
  protected abstract errorBody(status: number, code: string, message: string): unknown;
  /** The API's codes of the errors that faults send. */
  protected abstract readonly faultCodes: Readonly<Record<'rateLimit' | 'overload' | 'failure', string>>;

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/', headers } = incoming;
    const path = url.split('?', 1)[0] as string;
    const route = this.route(method, path, new URLSearchParams(url.slice(path.length + 1)));
    let body: string;
    try {
      body = await readBody(incoming, this.bodyLimit);
    } catch (error) {
      if (!(error instanceof BodyTooLargeError)) return; // The client went away.
      const tooLarge = this.#error(413, 'PayloadTooLarge', `the body is longer than ${this.bodyLimit} bytes`);
      response.shouldKeepAlive = false;
      return send(response, tooLarge);
    }
    switch (route) {
      case 'token': {
        const form = new URLSearchParams(body || url.slice(path.length + 1));
        const request: EmulatorRequest = {
          operation: 'token',
          method,
          path: url,
          body,
          fields: [],
          mutation: false,
          variables: {},
          headers,
        };
        return this.#answer(request, response, () => this.issueToken(form, headers));
      }
      case 'graphql':
        return this.#graphql(body, url, headers, response);
      case 'control':
        return send(response, await this.control(method, path, body));
      case undefined:
        return send(response, this.#error(404, 'ResourceNotFound', `nothing is at ${method} ${path}`));
      default:
        return this.#rest(route, method, url, body, headers, response);
    }
  }

  async #rest(
    route: RestRoute,
    method: string,
    url: string,
    body: string,
    headers: IncomingMessage['headers'],
    response: ServerResponse,
  ): Promise<void> {
    const { name, mutation } = route;
    const request: EmulatorRequest = {
      operation: 'rest',
      method,
      path: url,
      body,
      fields: [name],
      mutation,
      variables: {},
      headers,
    };
    await this.#answer(request, response, (fault) => {
      const refused = this.#refusedToken(fault, headers);
      if (refused) return refused;
      if (body === '') return route.answer(undefined);
      let parsed: unknown;
      try {
        parsed = JSON.parse(body);
      } catch {
        return this.#error(400, 'InvalidJsonInput', 'the body is not JSON');
      }
      return route.answer(parsed);
    });
  }

  async #graphql(
    body: string,
    url: string,
    headers: IncomingMessage['headers'],
    response: ServerResponse,
  ): Promise<void> {
    const parameters = parseParameters(body);
    if (typeof parameters === 'string') {
      return send(response, this.#error(400, 'InvalidJsonInput', parameters));
    }
    const { query, variables, operationName } = parameters;
    const prepared = this.engine.prepare(query);
    const operation = selectOperation(prepared, operationName);
    const request: EmulatorRequest = {
      operation: 'graphql',
      method: 'POST',
      path: url,
      body,
      fields: operation?.fields ?? [],
      mutation: operation?.mutation ?? false,
      operationName: operationName ?? operation?.name,
      variables,
      headers,
    };
    await this.#answer(request, response, (fault) => {
      const refused = this.#refusedToken(fault, headers);
      if (refused) return refused;
      const scope = this.tokens.scopeOf(headers.authorization) ?? '';
      const forceConflict = fault?.kind === 'conflict';
      const applied = fault?.kind === 'uncertain' ? fault.applied : undefined;
      const executed = applied === undefined ? prepared : withFirstFields(prepared, applied);
      const call = { query, variables, operationName, scope, forceConflict };
      return this.executeGraphql({ ...call, prepared: executed });
    });
  }

  /** @returns the answer to a token that is missing, unknown, expired, or revoked by a fault. */
  #refusedToken(fault: Fault | undefined, headers: IncomingMessage['headers']): Answer | undefined {
    if (fault?.kind === 'expired-token') this.tokens.revoke(headers.authorization);
    if (this.tokens.scopeOf(headers.authorization) !== undefined) return undefined;
    return this.#error(401, 'invalid_token', 'the access token is missing, unknown or expired');
  }

  /** Puts faults and interceptors around one operation. */
  async #answer(
    request: EmulatorRequest,
    response: ServerResponse,
    operate: (fault: Fault | undefined) => Answer | Promise<Answer>,
  ): Promise<void> {
    const { latencyMs, fault } = this.faults.take(request);
    const drop = (): void => {
      this.requests.record(request, 0);
      response.socket?.resetAndDestroy();
    };
    if (fault?.kind === 'reset') return drop();
    for (const interceptor of this.#interceptors) await interceptor.before?.(request);
    if (fault?.kind === 'hang') return this.requests.record(request, 0);
    const replaced = fault && this.#replacement(fault);
    let answer = replaced ?? (await operate(fault));
    for (const interceptor of this.#interceptors) await interceptor.after?.(request, answer);
    if (latencyMs > 0) await delay(latencyMs);
    if (fault?.kind === 'uncertain') {
      if (fault.answer !== 'general') return drop();
      answer = this.#error(
        500,
        this.faultCodes.failure,
        'something went wrong after the operation was started',
      );
    }
    if (fault?.kind === 'partial') answer = partial(answer, fault.code);
    if (fault?.kind === 'cut') {
      this.requests.record(request, 0);
      return sendHalf(response, answer);
    }
    this.requests.record(request, answer.status);
    send(response, answer);
  }

  /** The answer that a fault gives instead of executing anything. */
  #replacement(fault: Fault): Answer | undefined {
    switch (fault.kind) {
      case 'rate-limit': {
        const { retryAfterSeconds = 1 } = fault;
        const answer = this.#error(429, this.faultCodes.rateLimit, 'too many requests');
        return retryAfterSeconds === null
          ? answer
          : { ...answer, headers: { 'retry-after': String(retryAfterSeconds) } };
      }
      case 'error': {
        const { status = 500 } = fault;
        return this.#error(
          status,
          this.faultCodes[status === 503 ? 'overload' : 'failure'],
          'the service is not well',
        );
      }
      case 'forbidden':
        return this.#error(fault.status ?? 403, 'Forbidden', 'the user lacks the permission');
      case 'html':
        return { status: fault.status ?? 502, body: HTML };
      case 'graphql-error': {
        const { code, status = 200, message = `emulated failure ${code}` } = fault;
        return { status, body: { errors: [{ message, extensions: { code } }], data: null } };
      }
      case 'garbage':
        return json(fault.text ?? HALF_AN_ANSWER);
      case 'oversized':
        return json(`"${' '.repeat((fault.bytes ?? OVERSIZED_BYTES) - 2)}"`);
      // These act before, during or after the operation itself.
      case 'latency':
      case 'hang':
      case 'reset':
      case 'conflict':
      case 'expired-token':
      case 'partial':
      case 'cut':
      case 'uncertain':
        break;
    }
    return undefined;
  }

  #error(status: number, code: string, message: string): Answer {
    return { status, body: this.errorBody(status, code, message) };
  }
}

function parseParameters(
  body: string,
): { query: string; variables: Record<string, unknown>; operationName?: string } | string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return 'the body is not JSON';
  }
  if (!isJsonObject(parsed) || typeof parsed.query !== 'string') return 'the body has no query';
  const { query, variables, operationName } = parsed;
  if (variables !== undefined && variables !== null && !isJsonObject(variables)) {
    return 'variables must be an object';
  }
  return {
    query,
    variables: variables ?? {},
    operationName: typeof operationName === 'string' ? operationName : undefined,
  };
}

function readBody(incoming: IncomingMessage, limit: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    incoming.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= limit) chunks.push(chunk);
      else {
        // The rest is read and thrown away, so that the client gets to see the answer.
        chunks.length = 0;
        reject(new BodyTooLargeError());
      }
    });
    incoming.on('end', () => resolve((chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)).toString()));
    incoming.on('error', reject);
    incoming.on('close', () => reject(new Error('the connection closed before the body was complete')));
  });
}

/** @returns an answer whose body is a text that only pretends to be JSON of the API. */
function json(body: string): Answer {
  return { status: 200, body, headers: { 'content-type': 'application/json;charset=UTF-8' } };
}

/** @returns the answer with null in place of everything that was asked for. */
function partial(answer: Answer, code: string | undefined): Answer {
  const body = isJsonObject(answer.body) ? answer.body : {};
  const withoutValues = (values: object): object =>
    Object.fromEntries(Object.keys(values).map((name) => [name, null]));
  if (!isJsonObject(body.data)) return { ...answer, body: withoutValues(body) };
  const data = withoutValues(body.data);
  if (code === undefined) return { ...answer, body: { data } };
  const errors = [{ message: `${code}: this part could not be answered`, extensions: { code } }];
  return { ...answer, body: { data, errors } };
}

function send(response: ServerResponse, answer: Answer): void {
  response.end(writeHead(response, answer));
}

function sendHalf(response: ServerResponse, answer: Answer): void {
  const text = writeHead(response, answer);
  response.write(text.slice(0, text.length / 2), () => response.socket?.resetAndDestroy());
}

/** @returns the body's text, not sent yet. */
function writeHead(response: ServerResponse, { status, body, headers }: Answer): string {
  const html = typeof body === 'string';
  const text = html ? body : JSON.stringify(body);
  response.writeHead(status, {
    'content-type': html ? 'text/html' : 'application/json;charset=UTF-8',
    'content-length': Buffer.byteLength(text),
    ...headers,
  });
  return text;
}
