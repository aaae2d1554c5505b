/** A request to the admin API; `path` is below `/admin`. */
export interface AdminRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Sent as JSON. */
  readonly body?: object;
}

/** The admin API of a running connector, or of the connector's services in this process. */
export interface AdminApi {
  /** @throws AdminRefusal with the connector's own words, or Error when it cannot be reached. */
  request<T>(request: AdminRequest): Promise<T>;
}

/** The connector has refused a request, or failed at it. */
export class AdminRefusal extends Error {
  override readonly name = 'AdminRefusal';

  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** @returns the path of a request with its query. */
export function pathOf({ path, query = {} }: AdminRequest): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value));
  return `/admin${path}${search.size === 0 ? '' : `?${search.toString()}`}`;
}

/** @throws AdminRefusal unless the status is a success. */
export function readAnswer<T>(request: AdminRequest, status: number, text: string): T {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new AdminRefusal(
      status,
      `${request.method} /admin${request.path} was answered with HTTP ${status} and no JSON; ` +
        "check that --url is the address of the connector's MANAGEMENT_PORT",
    );
  }
  if (status >= 200 && status < 300) return body as T;
  const { detail, title } = Object(body) as { detail?: string; title?: string };
  throw new AdminRefusal(status, refusal(status, detail ?? title ?? 'no reason given'));
}

function refusal(status: number, detail: string): string {
  if (status === 401) return 'the connector does not know the token; check ADMIN_TOKEN or --token-file';
  // Paths that do not exist have no detail.
  if (status === 404 && detail === 'Not Found') {
    return 'the connector has no admin API at --url; set ADMIN_TOKEN there, and use the address of its MANAGEMENT_PORT';
  }
  return detail;
}
