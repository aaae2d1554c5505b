import { describe, expect, vi } from 'vitest';
import { AdminClient, ADMIN_TOKEN } from './support/admin-client.js';
import { freePort } from '../src/testing/free-port.js';
import { createIt } from './support/harness.js';

const READ_TOKEN = 'a-token-that-only-reads';
const LETTERS = '/admin/dead-letters';

const it = createIt();
it.override('environment', { ADMIN_TOKEN, ADMIN_TOKENS: `grafana:read:${READ_TOKEN}` });

function get(url: string, token?: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  if (token !== undefined) headers.set('authorization', `Bearer ${token}`);
  return fetch(url, { ...init, headers });
}

describe('access to the admin API', () => {
  it('is absent while no token is configured', async ({ startTestConnector }) => {
    const { url } = await startTestConnector();
    for (const path of ['/admin', '/admin/openapi.json', LETTERS, `${LETTERS}/x`, `${LETTERS}/replay`]) {
      for (const method of ['GET', 'POST', 'DELETE']) {
        const { status } = await get(url + path, ADMIN_TOKEN, { method });
        expect(status, `${method} ${path}`).toBe(404);
      }
    }
  });

  it('needs a configured token, and says so without telling whether one was nearly right', async ({
    startTestConnector,
  }) => {
    const { url } = await startTestConnector({ env: { ADMIN_TOKEN } });
    const wrong = [undefined, 'x', `${ADMIN_TOKEN}x`, ADMIN_TOKEN.slice(1)];
    const answers = await Promise.all(wrong.map((token) => get(url + LETTERS, token)));
    for (const { status, headers } of answers) {
      expect(status).toBe(401);
      expect(headers.get('www-authenticate')).toBe('Bearer realm="admin"');
      expect(headers.get('cache-control')).toBe('no-store');
    }
    const bodies = await Promise.all(answers.map((answer) => answer.text()));
    expect(new Set(bodies).size).toBe(1);
    expect((await get(url + LETTERS, ADMIN_TOKEN)).status).toBe(200);
    expect((await get(`${url}/admin/openapi.json`)).status).toBe(401);
  });

  it('refuses a stranger before it reads the body or checks the query', async ({ startTestConnector }) => {
    const { url } = await startTestConnector({ env: { ADMIN_TOKEN } });
    const body = '{"never":';
    const headers = { 'content-type': 'application/json' };
    const answer = await get(`${url}${LETTERS}/replay?limit=x`, 'x', { method: 'POST', body, headers });
    expect(answer.status).toBe(401);
  });

  it('lets a token with the scope read look, and change nothing', async ({ startTestConnector }) => {
    const { url } = await startTestConnector({
      env: { ADMIN_TOKEN, ADMIN_TOKENS: `grafana:read:${READ_TOKEN}` },
    });
    const reader = new AdminClient(url, READ_TOKEN);
    expect((await reader.get('/dead-letters')).status).toBe(200);
    const { status, body } = await reader.post('/dead-letters/replay?all=true');
    expect(status).toBe(403);
    expect(body).toMatchObject({ detail: 'the token grafana may only read; use one with the scope write' });
  });

  it('answers 429 after ten wrong tokens of one address, also to a right one', async ({
    startTestConnector,
  }) => {
    const { url } = await startTestConnector({ env: { ADMIN_TOKEN } });
    for (let attempt = 0; attempt < 10; attempt++) {
      expect((await get(url + LETTERS, 'wrong')).status).toBe(401);
    }
    const answer = await get(url + LETTERS, ADMIN_TOKEN);
    expect(answer.status).toBe(429);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    // Everything else goes on.
    expect((await get(`${url}/health/live`)).status).toBe(200);
  });

  it('is served by the management listener alone when there is one', async ({ harness }) => {
    const { url, managementUrl } = await harness.startInProcess({
      MANAGEMENT_PORT: String(await freePort()),
    });
    expect((await get(url + LETTERS, ADMIN_TOKEN)).status).toBe(404);
    expect((await get(managementUrl + LETTERS, ADMIN_TOKEN)).status).toBe(200);
  });

  it('audits each change with name, operation, target and reason, whatever the log level', async ({
    harness,
  }) => {
    const { url } = await harness.startInProcess({ LOG_LEVEL: 'error' });
    const id = 'A'.repeat(24);
    const answer = await get(`${url}${LETTERS}/${id}?reason=sent+by+mistake`, ADMIN_TOKEN, {
      method: 'DELETE',
    });
    expect(answer.status).toBe(404);
    await get(`${url}${LETTERS}/replay?all=true`, READ_TOKEN, { method: 'POST' });
    await vi.waitFor(() => expect(harness.lines.filter(isAudit)).toHaveLength(3), 10_000);
    const [begins, ended, refused] = harness.lines.filter(isAudit);
    const change = {
      level: 'info',
      actor: 'admin',
      operation: 'discardDeadLetter',
      target: { id },
      options: { reason: 'sent by mistake' },
    };
    expect(begins).toMatchObject({ ...change, msg: 'admin: admin asks for discardDeadLetter' });
    expect(ended).toMatchObject({ ...change, status: 404 });
    expect(refused).toMatchObject({ actor: 'grafana', operation: 'replayDeadLetters', status: 403 });
    expect(JSON.stringify(harness.lines)).not.toContain(ADMIN_TOKEN);
  });
});

function isAudit(line: Readonly<Record<string, unknown>>): boolean {
  return line['context'] === 'AdminAudit';
}
