import { createHash, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { ConnectorConfig, type AdminScope, type AdminToken } from '../../config/index.js';

/** Who sends an admin request. */
export interface AdminActor {
  /** The name of the token. */
  readonly name: string;
  readonly scope: AdminScope;
}

/** The configured tokens. */
@Injectable()
export class AdminTokens {
  private readonly known: readonly (readonly [digest: Buffer, actor: AdminActor])[];

  constructor({ server }: ConnectorConfig) {
    this.known = server.adminTokens.map(({ name, scope, secret }: AdminToken) => [
      digest(secret),
      Object.freeze({ name, scope }),
    ]);
  }

  /** Whether there are any: without one there are no admin endpoints. */
  get exist(): boolean {
    return this.known.length > 0;
  }

  /** Compares with every token, so that the time does not tell which one, and how much of it, was right. */
  find(secret: string): AdminActor | undefined {
    const given = digest(secret);
    let found: AdminActor | undefined;
    for (const [expected, actor] of this.known) if (timingSafeEqual(given, expected)) found = actor;
    return found;
  }
}

/** Gives both sides of a constant-time comparison the same length. */
export function digest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
