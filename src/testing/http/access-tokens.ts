import { randomBytes } from 'node:crypto';

interface Grant {
  readonly expiresAt: number;
  readonly scope: string;
}

/** Bearer tokens that were issued and when they end. The oldest are forgotten beyond a fixed number. */
export class AccessTokens {
  #grants = new Map<string, Grant>();

  constructor(
    private readonly now: () => number,
    private readonly capacity = 1000,
  ) {}

  issue(lifetimeSeconds: number, scope: string): string {
    const token = randomBytes(24).toString('base64url');
    this.#grants.set(token, { expiresAt: this.now() + lifetimeSeconds * 1000, scope });
    if (this.#grants.size > this.capacity) {
      const [oldest] = this.#grants.keys();
      if (oldest !== undefined) this.#grants.delete(oldest);
    }
    return token;
  }

  /** @returns the scope of a bearer header whose token is known and not expired. */
  scopeOf(authorization: string | undefined): string | undefined {
    const token = bearer(authorization);
    if (token === undefined) return undefined;
    const grant = this.#grants.get(token);
    if (grant === undefined) return undefined;
    if (grant.expiresAt > this.now()) return grant.scope;
    this.#grants.delete(token);
    return undefined;
  }

  revoke(authorization: string | undefined): void {
    const token = bearer(authorization);
    if (token !== undefined) this.#grants.delete(token);
  }

  revokeAll(): void {
    this.#grants.clear();
  }
}

function bearer(authorization: string | undefined): string | undefined {
  return /^bearer (.+)$/i.exec(authorization ?? '')?.[1];
}
