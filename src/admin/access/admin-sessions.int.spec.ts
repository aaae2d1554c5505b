import { afterEach, describe, expect, it, vi } from 'vitest';
import type { AdminToken, ConnectorConfig } from '../../config/index.js';
import type { RedisConnections } from '../../redis/index.js';
import { AdminSessions, MAX_SESSIONS_PER_TOKEN, SESSION_SECONDS } from './admin-sessions.js';

const ALICE: AdminToken = { name: 'alice', scope: 'write', secret: 'a-token-that-nobody-else-knows' };
const BOB: AdminToken = { name: 'bob', scope: 'read', secret: 'another-token-that-nobody-knows' };

/** What all replicas of this file have in Redis, by key: the milliseconds that it is kept. */
const stored = new Map<string, number>();
const redis = {
  isDown: false,
  async set(key: string, _value: string, _unit: 'PX', ms: number) {
    if (this.isDown) throw new Error('connection refused');
    stored.set(key, ms);
  },
  async exists(key: string) {
    if (this.isDown) throw new Error('connection refused');
    return Number(stored.has(key));
  },
};

/** One replica. */
function replica(...adminTokens: readonly AdminToken[]): AdminSessions {
  const connections = { isConfigured: true, failFast: redis } as unknown as RedisConnections;
  return new AdminSessions({ server: { adminTokens } } as unknown as ConnectorConfig, connections);
}

async function started(sessions: AdminSessions, { name, scope } = ALICE) {
  const result = await sessions.start({ name, scope });
  if (!result) throw new Error('no session was started');
  return result;
}

afterEach(() => {
  vi.useRealTimers();
  redis.isDown = false;
});

describe('a session', () => {
  it('is valid in every replica with the same token, and repeats its CSRF token', async () => {
    const { sealed, session } = await started(replica(ALICE));
    expect(await replica(BOB, ALICE).read(sealed)).toEqual(session);
    expect(session.csrfToken).toMatch(/^[\w-]{22}$/);
  });

  it('does not contain the token or the CSRF token in readable form', async () => {
    const { sealed, session } = await started(replica(ALICE));
    const readable = sealed.split('.').map((part) => Buffer.from(part, 'base64url').toString());
    for (const text of [sealed, ...readable]) {
      expect(text).not.toContain(ALICE.secret);
      expect(text).not.toContain(session.csrfToken);
    }
  });

  it('ends when its token changes or is removed, and not when another one does', async () => {
    const { sealed } = await started(replica(ALICE, BOB));
    expect(await replica({ ...ALICE, secret: `${ALICE.secret}2` }, BOB).read(sealed)).toBe('forged');
    expect(await replica(BOB).read(sealed)).toBe('forged');
    expect(await replica(ALICE).read(sealed)).toMatchObject({ actor: { name: 'alice' } });
  });

  it('may do what its token may do now', async () => {
    const { sealed } = await started(replica(ALICE));
    expect(await replica({ ...ALICE, scope: 'read' }).read(sealed)).toMatchObject({
      actor: { name: 'alice', scope: 'read' },
    });
  });

  it('ends after eight hours', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const sessions = replica(ALICE);
    const { sealed } = await started(sessions);
    vi.setSystemTime(Date.now() + SESSION_SECONDS * 1000 - 5000);
    expect(await sessions.read(sealed)).toMatchObject({ actor: { name: 'alice' } });
    vi.setSystemTime(Date.now() + 10_000);
    expect(await sessions.read(sealed)).toBe('ended');
  });

  it('ends at sign-out in the replica that is told', async () => {
    const sessions = replica(ALICE);
    const { sealed, session } = await started(sessions);
    await sessions.end(session);
    expect(await sessions.read(sealed)).toBe('ended');
  });

  it.each(['', 'x', 'a.b.c.d.e', 'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoiYWxpY2UifQ..AA.AA.AA'])(
    'cannot be made up: %j',
    async (sealed) => {
      expect(await replica(ALICE).read(sealed)).toBe('forged');
    },
  );

  it('cannot be changed', async () => {
    const { sealed } = await started(replica(ALICE, BOB));
    const [, ...rest] = sealed.split('.');
    const header = Buffer.from(JSON.stringify({ alg: 'dir', enc: 'A256GCM', kid: 'bob' }));
    expect(await replica(ALICE, BOB).read([header.toString('base64url'), ...rest].join('.'))).toBe('forged');
  });
});

describe('signing out', () => {
  it('ends the session in every replica, also in one that starts later, for as long as it would have lasted', async () => {
    const other = replica(ALICE);
    const { sealed, session } = await started(replica(ALICE));
    expect(await other.read(sealed)).toEqual(session);
    await replica(ALICE).end(session);
    expect(await other.read(sealed)).toBe('ended');
    expect(await replica(ALICE).read(sealed)).toBe('ended');
    const keptMs = [...stored].find(([key]) => key.endsWith(session.id))?.[1] ?? 0;
    expect(keptMs).toBeGreaterThan((SESSION_SECONDS - 60) * 1000);
    expect(keptMs).toBeLessThanOrEqual(SESSION_SECONDS * 1000);
  });

  it('fails while Redis is down, and ends the session here; what a replica knows stays ended', async () => {
    const [here, other] = [replica(ALICE), replica(ALICE)];
    const { sealed, session } = await started(here);
    const known = await started(here);
    await here.end(known.session);
    expect(await other.read(known.sealed)).toBe('ended');
    redis.isDown = true;
    await expect(here.end(session)).rejects.toThrow('connection refused');
    expect(await here.read(sealed)).toBe('ended');
    expect(await other.read(sealed)).toEqual(session);
    expect(await other.read(known.sealed)).toBe('ended');
  });
});

describe('the sessions of a token', () => {
  it('are limited in number, until one ends', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const sessions = replica(ALICE, BOB);
    const first = await started(sessions);
    for (let count = 1; count < MAX_SESSIONS_PER_TOKEN; count++) await started(sessions);
    expect(await sessions.start(ALICE)).toBeUndefined();
    await started(sessions, BOB);
    await sessions.end(first.session);
    await started(sessions);
    expect(await sessions.start(ALICE)).toBeUndefined();
    vi.setSystemTime(Date.now() + SESSION_SECONDS * 1000);
    await started(sessions);
  });
});
