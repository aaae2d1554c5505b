import { randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { Injectable } from '@nestjs/common';
import { EncryptJWT, decodeProtectedHeader, errors, jwtDecrypt } from 'jose';
import { LRUCache } from 'lru-cache';
import { ConnectorConfig } from '../../config/index.js';
import { REDIS_PREFIX, RedisConnections } from '../../redis/index.js';
import type { AdminActor } from './admin-tokens.js';

/** A session ends this long after the sign-in, even if it is in use: a working day. */
export const SESSION_SECONDS = 8 * 3600;
/** Sessions of one token that one replica has opened and that have not ended. */
export const MAX_SESSIONS_PER_TOKEN = 50;
const MAX_ENDED = 10_000;
/** Exists until the session would have ended by itself. */
const ENDED = `${REDIS_PREFIX}:admin:ended-session:`;
/** Its own name keeps the key apart from every other use of the token. */
const KEY_SALT = 'fluent-commercetools-connector admin session';
const KEY_BYTES = 32;

const derive = promisify<string, string, number, Buffer>(scrypt);

/** A person who has signed in to the console. */
export interface AdminSession {
  readonly id: string;
  readonly actor: AdminActor;
  /** Changes must repeat it in a header: another site can make the browser send the cookie, but cannot read this. */
  readonly csrfToken: string;
  readonly expiresAt: Date;
}

/**
 * Sessions of people in a browser. A session is a sealed text that only its holder keeps: every replica with the same
 * token can open it, and changing or removing the token ends it. It does not contain the token.
 */
@Injectable()
export class AdminSessions {
  private readonly keys = new Map<string, Promise<Uint8Array>>();
  /** By the name of the token: when each session that this replica has opened ends. */
  private readonly open = new Map<string, Map<string, number>>();
  private readonly ended = new LRUCache<string, true>({ max: MAX_ENDED, ttl: SESSION_SECONDS * 1000 });

  constructor(
    private readonly config: ConnectorConfig,
    private readonly connections: RedisConnections,
  ) {}

  /** @returns the session and its sealed text, or undefined when the token has too many open sessions. */
  async start(actor: AdminActor): Promise<{ session: AdminSession; sealed: string } | undefined> {
    const key = await this.keyOf(actor.name);
    if (!key) return undefined;
    const id = randomBytes(16).toString('base64url');
    const csrfToken = randomBytes(16).toString('base64url');
    const expiresAt = new Date((Math.floor(Date.now() / 1000) + SESSION_SECONDS) * 1000);
    if (!this.remember(actor.name, id, expiresAt.getTime())) return undefined;
    const sealed = await new EncryptJWT({ csrfToken })
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: actor.name })
      .setJti(id)
      .setExpirationTime(expiresAt)
      .encrypt(key);
    return { session: { id, actor, csrfToken, expiresAt }, sealed };
  }

  /**
   * @returns the session of a sealed text; `ended` when its time is over or its holder signed out; `forged` when no
   * configured token has sealed it.
   */
  async read(sealed: string): Promise<AdminSession | 'ended' | 'forged'> {
    try {
      const { kid } = decodeProtectedHeader(sealed);
      const key = kid === undefined ? undefined : await this.keyOf(kid);
      const token = this.config.server.adminTokens.find(({ name }) => name === kid);
      if (!key || !token) return 'forged';
      const { payload } = await jwtDecrypt<{ csrfToken: string }>(sealed, key, {
        keyManagementAlgorithms: ['dir'],
        contentEncryptionAlgorithms: ['A256GCM'],
        requiredClaims: ['jti', 'exp', 'csrfToken'],
      });
      const { jti: id = '', exp = 0, csrfToken } = payload;
      if (await this.hasEnded(id)) return 'ended';
      const { name, scope } = token;
      return { id, actor: { name, scope }, csrfToken, expiresAt: new Date(exp * 1000) };
    } catch (error) {
      return error instanceof errors.JWTExpired ? 'ended' : 'forged';
    }
  }

  /**
   * Ends it in every replica.
   *
   * @throws Error when Redis does not answer: in other replicas, a copy of the sealed text stays valid until it expires.
   */
  async end({ id, actor, expiresAt }: AdminSession): Promise<void> {
    this.open.get(actor.name)?.delete(id);
    this.ended.set(id, true);
    if (!this.connections.isConfigured) return;
    const leftMs = Math.max(expiresAt.getTime() - Date.now(), 1);
    await this.connections.failFast.set(ENDED + id, '1', 'PX', leftMs);
  }

  /** While Redis is down, each replica goes by what it knows: operators need the console most then (ADR 22). */
  private async hasEnded(id: string): Promise<boolean> {
    if (this.ended.has(id)) return true;
    if (!this.connections.isConfigured) return false;
    const count = await this.connections.failFast.exists(ENDED + id).catch(() => 0);
    if (count > 0) this.ended.set(id, true);
    return count > 0;
  }

  private remember(name: string, id: string, expiresAtMs: number): boolean {
    const sessions = this.open.get(name) ?? new Map<string, number>();
    this.open.set(name, sessions);
    for (const [other, endsAt] of sessions) if (endsAt <= Date.now()) sessions.delete(other);
    if (sessions.size >= MAX_SESSIONS_PER_TOKEN) return false;
    sessions.set(id, expiresAtMs);
    return true;
  }

  /** Slow on purpose, and once for each token: a stolen sealed text does not help to guess the token. */
  private keyOf(name: string): Promise<Uint8Array> | undefined {
    const token = this.config.server.adminTokens.find((each) => each.name === name);
    if (!token) return undefined;
    const key = this.keys.get(name) ?? derive(token.secret, KEY_SALT, KEY_BYTES);
    this.keys.set(name, key);
    return key;
  }
}
