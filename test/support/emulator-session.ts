import type { CommercetoolsEmulator, FluentEmulator } from '../../src/testing/index.js';

/** An answer whose JSON tests look into without types of their own. */
export interface JsonAnswer {
  readonly status: number;
  readonly headers: Headers;
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly json: any;
}

/** A plain client of an emulator: asks for one token and sends GraphQL with it. */
export class EmulatorSession {
  #authorization?: string;

  private constructor(
    private readonly requestToken: () => Promise<Response>,
    private readonly graphqlUrl: () => string,
  ) {}

  static forFluent(emulator: FluentEmulator): EmulatorSession {
    return new EmulatorSession(
      () => postForm(`${emulator.url}/oauth/token`, fluentPasswordGrant(emulator)),
      () => `${emulator.url}/graphql`,
    );
  }

  static forCommercetools(
    emulator: CommercetoolsEmulator,
    scope = emulator.environment.CTP_SCOPES,
  ): EmulatorSession {
    return new EmulatorSession(
      () =>
        postForm(
          `${emulator.url}/oauth/token`,
          { grant_type: 'client_credentials', ...(scope && { scope }) },
          { authorization: basicAuthorization(emulator) },
        ),
      () => `${emulator.url}/${emulator.projectKey}/graphql`,
    );
  }

  async token(): Promise<JsonAnswer> {
    const answer = await readAnswer(await this.requestToken());
    this.#authorization = `Bearer ${answer.json.access_token}`;
    return answer;
  }

  /** Takes the first token by itself; later ones only by {@link token}. */
  async graphql(query: string, variables: object = {}): Promise<JsonAnswer> {
    if (this.#authorization === undefined) await this.token();
    return this.post(JSON.stringify({ query, variables }));
  }

  async post(body: string, authorization = this.#authorization ?? ''): Promise<JsonAnswer> {
    const headers = { 'content-type': 'application/json', authorization };
    return readAnswer(await fetch(this.graphqlUrl(), { method: 'POST', body, headers }));
  }
}

export function fluentPasswordGrant({ environment }: FluentEmulator): Record<string, string> {
  return {
    grant_type: 'password',
    username: environment.FLUENT_USERNAME ?? '',
    password: environment.FLUENT_PASSWORD ?? '',
    client_id: environment.FLUENT_CLIENT_ID ?? '',
    client_secret: environment.FLUENT_CLIENT_SECRET ?? '',
    scope: 'api',
  };
}

export function basicAuthorization({ environment }: CommercetoolsEmulator): string {
  return `Basic ${btoa(`${environment.CTP_CLIENT_ID}:${environment.CTP_CLIENT_SECRET}`)}`;
}

export function postForm(
  url: string,
  form: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(url, { method: 'POST', body: new URLSearchParams(form), headers });
}

export async function readAnswer(response: Response): Promise<JsonAnswer> {
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json');
  return { status: response.status, headers: response.headers, json: isJson ? JSON.parse(text) : text };
}
