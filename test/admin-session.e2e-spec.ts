import { describe, expect, vi } from 'vitest';
import { ADMIN_TOKEN, AdminClient } from './support/admin-client.js';
import { createIt } from './support/harness.js';

const READ_TOKEN = 'a-token-that-only-reads';
const SESSION = '/admin/session';
const REPLAY = '/admin/dead-letters/replay?all=true';
const env = { ADMIN_TOKEN, ADMIN_TOKENS: `grafana:read:${READ_TOKEN}` };

const it = createIt();
it.override('environment', env);

/** What a browser keeps and sends. */
interface Browser {
  readonly cookie: string;
  readonly 'x-csrf-token': string;
}

async function signIn(url: string, token = ADMIN_TOKEN): Promise<Browser> {
  const response = await fetch(url + SESSION, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, origin: url },
  });
  expect(response.status).toBe(200);
  const { csrfToken } = (await response.json()) as { csrfToken: string };
  return { cookie: cookieOf(response), 'x-csrf-token': csrfToken };
}

/** The pair that a browser sends back. */
function cookieOf(response: Response): string {
  return (response.headers.getSetCookie()[0] ?? '').split(';', 1)[0] ?? '';
}

describe('a session of the console', () => {
  it('is kept in a cookie that scripts cannot read and other sites cannot send', async ({
    startTestConnector,
  }) => {
    const { url } = await startTestConnector({ env });
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
    const plain = await fetch(url + SESSION, { method: 'POST', headers: { ...headers, origin: url } });
    const [cookie = ''] = plain.headers.getSetCookie();
    expect(cookie).toMatch(
      /^connector-admin-session=[\w.-]+; Path=\/admin; HttpOnly; SameSite=Strict; Max-Age=28800$/,
    );
    expect(plain.headers.get('cache-control')).toBe('no-store');
    const origin = 'https://connector.example';
    const behindTls = await fetch(url + SESSION, { method: 'POST', headers: { ...headers, origin } });
    expect(behindTls.headers.getSetCookie()[0]).toMatch(/; Secure$/);
  });

  it('can do what its token can, and tells the name of the token', async ({ startTestConnector }) => {
    const { url } = await startTestConnector({ env });
    const { cookie } = await signIn(url);
    expect((await fetch(`${url}/admin/dead-letters`, { headers: { cookie } })).status).toBe(200);
    const who = await fetch(url + SESSION, { headers: { cookie } });
    expect(await who.json()).toMatchObject({ name: 'admin', scope: 'write', csrfToken: expect.any(String) });
    const reader = await signIn(url, READ_TOKEN);
    const refused = await fetch(url + REPLAY, { method: 'POST', headers: { ...reader, origin: url } });
    expect(refused.status).toBe(403);
    expect(await refused.json()).toMatchObject({ detail: expect.stringContaining('grafana may only read') });
  });

  it('makes a change only with its CSRF token and from its own origin', async ({ startTestConnector }) => {
    const { url } = await startTestConnector({ env });
    const { cookie, 'x-csrf-token': csrf } = await signIn(url);
    const other = await signIn(url);
    const status = async (headers: Record<string, string>): Promise<number> =>
      (await fetch(url + REPLAY, { method: 'POST', headers: { cookie, ...headers } })).status;
    const own = { 'sec-fetch-site': 'same-origin', origin: url };
    expect(await status({ ...own, 'x-csrf-token': csrf })).toBe(200);
    expect(await status({ origin: url, 'x-csrf-token': csrf })).toBe(200);
    expect(await status(own)).toBe(403);
    expect(await status({ ...own, 'x-csrf-token': other['x-csrf-token'] })).toBe(403);
    expect(await status({ 'x-csrf-token': csrf })).toBe(403);
    expect(await status({ origin: 'http://localhost:1', 'x-csrf-token': csrf })).toBe(403);
    expect(await status({ origin: 'null', 'x-csrf-token': csrf })).toBe(403);
    for (const site of ['same-site', 'cross-site', 'none']) {
      expect(await status({ 'sec-fetch-site': site, origin: url, 'x-csrf-token': csrf }), site).toBe(403);
    }
  });

  it('ends at sign-out, also for a copy of its cookie', async ({ startTestConnector }) => {
    const { url } = await startTestConnector({ env });
    const browser = await signIn(url);
    const headers = { ...browser, origin: url };
    const gone = await fetch(url + SESSION, { method: 'DELETE', headers });
    expect(gone.status).toBe(200);
    expect(gone.headers.getSetCookie()[0]).toMatch(/^connector-admin-session=; .*Max-Age=0/);
    const after = await fetch(url + SESSION, { headers });
    expect(after.status).toBe(401);
    expect(await after.json()).toMatchObject({ detail: 'the session is over; sign in again' });
  });

  it('ends at sign-out in every replica', async ({ harness }) => {
    const one = await harness.startInProcess();
    const other = await harness.startInProcess();
    const browser = await signIn(one.managementUrl);
    const status = async (): Promise<number> =>
      (await fetch(other.managementUrl + SESSION, { headers: { cookie: browser.cookie } })).status;
    expect(await status()).toBe(200);
    const headers = { ...browser, origin: one.managementUrl };
    expect((await fetch(one.managementUrl + SESSION, { method: 'DELETE', headers })).status).toBe(200);
    expect(await status()).toBe(401);
  });

  it('is not prolonged by itself: only a token starts a session', async ({ startTestConnector }) => {
    const { url } = await startTestConnector({ env });
    const browser = await signIn(url);
    const again = await fetch(url + SESSION, { method: 'POST', headers: { ...browser, origin: url } });
    expect(again.status).toBe(401);
    expect(again.headers.getSetCookie()).toEqual([]);
  });

  it('counts made-up sessions like wrong tokens, and not those that have ended', async ({
    startTestConnector,
  }) => {
    const { url } = await startTestConnector({ env });
    const browser = await signIn(url);
    await fetch(url + SESSION, { method: 'DELETE', headers: { ...browser, origin: url } });
    const status = async (cookie: string): Promise<number> =>
      (await fetch(url + SESSION, { headers: { cookie } })).status;
    for (let attempt = 0; attempt < 12; attempt++) expect(await status(browser.cookie)).toBe(401);
    for (let attempt = 0; attempt < 10; attempt++) {
      expect(await status('connector-admin-session=made.up')).toBe(401);
    }
    expect(await status('connector-admin-session=made.up')).toBe(429);
  });

  it('is described by the OpenAPI document, also for the bearer of a token', async ({
    startTestConnector,
  }) => {
    const { url } = await startTestConnector({ env });
    const admin = new AdminClient(url);
    expect((await admin.get('/session')).body).toEqual({ name: 'admin', scope: 'write' });
    expect((await admin.post('/session')).body).toMatchObject({ name: 'admin' });
    expect((await admin.delete('/session')).body).toEqual({ signedOut: false });
  });

  it('is named in the audit log like its token', async ({ harness }) => {
    const { url } = await harness.startInProcess();
    const browser = await signIn(url);
    await fetch(url + REPLAY, { method: 'POST', headers: { ...browser, origin: url } });
    const audit = () =>
      harness.lines
        .filter((line) => line['context'] === 'AdminAudit' && line['status'] !== undefined)
        .map(({ actor, operation, status }) => [actor, operation, status]);
    await vi.waitFor(
      () =>
        expect(audit()).toEqual([
          ['admin', 'signIn', 200],
          ['admin', 'replayDeadLetters', 200],
        ]),
      10_000,
    );
    expect(JSON.stringify(harness.lines)).not.toContain(browser['x-csrf-token']);
  });
});

describe('the files of the console', () => {
  it('are public, have no data, forbid everything from elsewhere, and are asked for again', async ({
    startTestConnector,
  }) => {
    const { url } = await startTestConnector({ env });
    const page = await fetch(`${url}/admin`);
    const html = await page.text();
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(html).not.toMatch(/<script(?! type="module" src=)|<style|\son\w+=|\sstyle=|https?:/);
    const files = [...html.matchAll(/(?:href|src)="(\/admin\/console\/[^"]+)"/g)].map(([, path]) => path);
    expect(files.length).toBeGreaterThan(3);
    for (const path of ['/admin', ...files]) {
      const answer = await fetch(url + path);
      expect(answer.status, path).toBe(200);
      expect(answer.headers.get('content-security-policy')).toBe(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; " +
          "form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
      );
      expect(answer.headers.get('cache-control')).toBe('no-cache');
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
      const etag = answer.headers.get('etag') ?? '';
      const again = await fetch(url + path, { headers: { 'if-none-match': etag } });
      expect([again.status, await again.text()], path).toEqual([304, '']);
    }
    for (const path of [
      'tsconfig.json',
      '..%2Fconsole.controller.js',
      '%2e%2e%2fsession.controller.ts',
      'x',
    ]) {
      expect((await fetch(`${url}/admin/console/${path}`)).status, path).toBe(404);
    }
  });
});
