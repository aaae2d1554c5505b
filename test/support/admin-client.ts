import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

export const ADMIN_TOKEN = 'a-token-for-tests-only';

interface OpenApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: object }>> }>
  >;
}

/** What an admin request was answered with. */
export interface AdminAnswer<T = Readonly<Record<string, unknown>>> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

const ajv = new Ajv2020({ strict: false, validateFormats: false });
/** By the JSON of the schema: the specs of a process share them, as compiling takes longer than most requests. */
const validators = new Map<string, ValidateFunction>();

/** @returns a validator of what the schema describes. */
function validatorOf(schema: object): ValidateFunction {
  const key = JSON.stringify(schema);
  let validate = validators.get(key);
  if (!validate) validators.set(key, (validate = ajv.compile(schema)));
  return validate;
}

/** Sends admin requests, and checks that each is described by the OpenAPI document, and each answer as described. */
export class AdminClient {
  private document?: OpenApiDocument;

  /** @param url of the listener that serves `/admin`. */
  constructor(
    private readonly url: string,
    private readonly token: string = ADMIN_TOKEN,
  ) {}

  get<T = Readonly<Record<string, unknown>>>(path: string): Promise<AdminAnswer<T>> {
    return this.send('GET', path);
  }

  post<T = Readonly<Record<string, unknown>>>(path: string, body?: object): Promise<AdminAnswer<T>> {
    return this.send('POST', path, body);
  }

  delete<T = Readonly<Record<string, unknown>>>(path: string): Promise<AdminAnswer<T>> {
    return this.send('DELETE', path);
  }

  /** @param path below `/admin`, with its query. @throws Error when the document does not describe the call. */
  private async send<T>(method: string, path: string, sent?: object): Promise<AdminAnswer<T>> {
    const response = await fetch(`${this.url}/admin${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.token}`,
        ...(sent && { 'content-type': 'application/json' }),
      },
      ...(sent && { body: JSON.stringify(sent) }),
    });
    const body = (await response.json()) as T;
    const { status, headers } = response;
    if (headers.get('cache-control') !== 'no-store')
      throw new Error(`${method} ${path} may be stored (${status})`);
    this.check(await this.operationOf(method, path), status, headers.get('content-type') ?? '', body);
    return { status, headers, body };
  }

  private check({ operationId, responses }: Operation, status: number, type: string, body: unknown): void {
    const response = responses[status] ?? responses[`${String(status)[0]}XX`];
    const schema = response?.content?.[type.split(';', 1)[0] ?? '']?.schema;
    if (!schema) throw new Error(`${operationId} may not answer ${status} ${type}`);
    const validate = validatorOf(schema);
    if (!validate(body)) throw new Error(`${operationId}: ${ajv.errorsText(validate.errors)}`);
  }

  private async operationOf(method: string, path: string): Promise<Operation> {
    const { paths } = await this.openApi();
    const wanted = `/admin${path.split('?', 1)[0]}`;
    for (const [template, operations] of Object.entries(paths)) {
      const pattern = new RegExp(`^${template.replaceAll(/\{[^}]+\}/g, '[^/]+')}$`);
      const operation = operations[method.toLowerCase()];
      const isLiteral = paths[wanted]?.[method.toLowerCase()] !== undefined;
      if (operation && (isLiteral ? template === wanted : pattern.test(wanted))) return operation;
    }
    throw new Error(`the OpenAPI document does not describe ${method} ${wanted}`);
  }

  /** The document that the connector serves. */
  async openApi(): Promise<OpenApiDocument> {
    if (!this.document) {
      const headers = { authorization: `Bearer ${this.token}` };
      const response = await fetch(`${this.url}/admin/openapi.json`, { headers });
      this.document = (await response.json()) as OpenApiDocument;
    }
    return this.document;
  }
}
