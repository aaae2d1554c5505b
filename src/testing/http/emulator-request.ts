import type { IncomingHttpHeaders } from 'node:http';

/** One request to an emulated API, as interceptors, faults and the request log see it. */
export interface EmulatorRequest {
  /** `token`: OAuth; `graphql`: a GraphQL operation; `rest`: any other call of the API. */
  readonly operation: 'token' | 'graphql' | 'rest';
  readonly method: string;
  /** With its query string. */
  readonly path: string;
  /** The body as it came. Not kept in the request log. */
  readonly body: string;
  /**
   * The root fields by their schema names (aliases undone), e.g. `['orderById']`; of a REST call its name, e.g.
   * `['sendEvent']`. Empty for `token`.
   */
  readonly fields: readonly string[];
  /** Whether it writes. */
  readonly mutation: boolean;
  /** The name the client gave its operation. */
  readonly operationName?: string;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly headers: IncomingHttpHeaders;
}

/** What the emulator is about to answer. */
export interface EmulatorResponse {
  readonly status: number;
  /** The JSON body before it becomes text. */
  readonly body: unknown;
}

/** Hooks around one request. A hook that waits holds the request there; its rejection becomes a 500. */
export interface EmulatorInterceptor {
  /** Before the operation reads or writes anything. */
  before?(request: EmulatorRequest): Promise<void> | void;
  /** After it was executed (a write is applied), before the client gets the answer. */
  after?(request: EmulatorRequest, response: EmulatorResponse): Promise<void> | void;
}
