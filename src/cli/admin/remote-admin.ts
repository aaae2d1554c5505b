import { asError } from '../../errors.js';
import { type AdminApi, type AdminRequest, pathOf, readAnswer } from './admin-api.js';

/** Longer than the connector takes for one request. */
const TIMEOUT_MS = 120_000;

/** The admin API of a running connector. */
export class RemoteAdmin implements AdminApi {
  constructor(
    private readonly url: URL,
    private readonly token: string,
    private readonly signal: AbortSignal,
  ) {}

  async request<T>(request: AdminRequest): Promise<T> {
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    let response: Response;
    let text: string;
    try {
      response = await fetch(this.url.href.replace(/\/$/, '') + pathOf(request), {
        method: request.method,
        headers: {
          authorization: `Bearer ${this.token}`,
          accept: 'application/json',
          ...(request.body && { 'content-type': 'application/json' }),
        },
        ...(request.body && { body: JSON.stringify(request.body) }),
        // A redirect would carry the token to another host.
        redirect: 'error',
        signal: AbortSignal.any([this.signal, timeout]),
      });
      text = await response.text();
    } catch (error) {
      this.signal.throwIfAborted();
      const why = timeout.aborted ? `no answer within ${TIMEOUT_MS / 1000} s` : networkProblem(error);
      throw new Error(`the connector at ${this.url.origin} cannot be reached: ${why}; check --url`, {
        cause: error,
      });
    }
    return readAnswer<T>(request, response.status, text);
  }
}

/** `fetch` hides the reason in the cause. */
function networkProblem(thrown: unknown): string {
  const error = asError(thrown);
  if (!(error.cause instanceof Error)) return error.message;
  // Several failed addresses of one name are one error without a message.
  return error.cause.message || String((error.cause as NodeJS.ErrnoException).code);
}
