// The admin API, in the session of the person who has signed in.

/** @typedef {import('../../dead-letters/dead-letter-schemas.js').ReplayManyResult} Replayed */
/** @typedef {import('../session-schemas.js').SessionView} Session */
/** @typedef {Record<string, string | number | boolean | undefined>} Query */

/** The API refused or failed. Its message is made for people. */
export class ApiError extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** @type {Session | undefined} */
let session;
/** @type {() => void} */
let onSignedOut = () => undefined;

/** @param {() => void} listener called when the session is over. */
export function whenSignedOut(listener) {
  onSignedOut = listener;
}

/** Whether the person may change something. The server decides; this only hides what it would refuse. */
export function mayWrite() {
  return session?.scope === 'write';
}

/** @returns {Promise<Session | undefined>} the session that the browser still has. */
export async function resume() {
  try {
    session = /** @type {Session} */ (await request('GET', '/session'));
    return session;
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return undefined;
    throw error;
  }
}

/** @param {string} token @returns {Promise<Session>} */
export async function signIn(token) {
  const headers = { authorization: `Bearer ${token}` };
  session = /** @type {Session} */ (await request('POST', '/session', {}, { headers }));
  return session;
}

export async function signOut() {
  await request('DELETE', '/session');
  session = undefined;
}

/**
 * @param {string} path below /admin
 * @param {Query} [query]
 * @param {AbortSignal} [signal]
 */
export function get(path, query, signal) {
  return ours(request('GET', path, query, { signal }));
}

/**
 * @param {'POST' | 'DELETE'} method
 * @param {string} path below /admin
 * @param {Query} [query]
 * @param {object} [body]
 */
export function change(method, path, query, body) {
  return ours(request(method, path, query, { body }));
}

/** One request counts or replays about ten thousand. @param {Query} query dead letters, and `dryRun` @returns {Promise<Replayed>} */
export async function replayDeadLetters(query) {
  /** @type {Replayed} */
  const sum = { matched: 0, replayed: 0, byCause: {}, more: false };
  /** @type {string | undefined} */
  let after;
  do {
    const { matched, replayed, byCause, next } = /** @type {Replayed} */ (
      await change('POST', '/dead-letters/replay', { ...query, after })
    );
    sum.matched += matched;
    sum.replayed += replayed;
    for (const [cause, count] of Object.entries(byCause))
      sum.byCause[cause] = (sum.byCause[cause] ?? 0) + count;
    after = next;
  } while (after !== undefined);
  return sum;
}

/** @template T @param {Promise<T>} answer */
async function ours(answer) {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) {
      session = undefined;
      onSignedOut();
    }
    throw error;
  }
}

/**
 * @param {string} method
 * @param {string} path
 * @param {Query} [query] fields without a value are left out
 * @param {{signal?: AbortSignal, headers?: Record<string, string>, body?: object}} [options]
 * @returns {Promise<unknown>}
 */
async function request(method, path, query = {}, { signal, headers = {}, body: content } = {}) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') parameters.set(name, String(value));
  }
  const search = parameters.size > 0 ? `?${parameters}` : '';
  /** @type {Response} */
  let response;
  try {
    response = await fetch(`/admin${path}${search}`, {
      method,
      signal,
      headers: {
        ...(method !== 'GET' && session?.csrfToken && { 'x-csrf-token': session.csrfToken }),
        ...(content && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(content && { body: JSON.stringify(content) }),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, 'The connector does not answer. Check that it runs, and the port-forward.');
  }
  const text = await response.text();
  /** @type {{detail?: string, title?: string}} */
  let body = {};
  try {
    body = JSON.parse(text);
  } catch {
    if (response.ok)
      throw new ApiError(response.status, 'Something between this page and the connector answered.');
  }
  if (response.ok) return body;
  const retryAfter = response.headers.get('retry-after');
  const detail = body.detail ?? body.title ?? `HTTP ${response.status}`;
  throw new ApiError(response.status, retryAfter ? `${detail} (in ${retryAfter} s)` : detail);
}
