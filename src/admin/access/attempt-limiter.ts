import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';

/** Wrong tokens are counted for this time. */
export const WINDOW_MS = 60_000;
/** Wrong tokens of one address in that time, after which its requests are refused unread. */
const MAX_FAILURES_PER_ADDRESS = 10;
/** Wrong tokens of all addresses together. Beyond it only addresses are heard that have had a right one lately. */
export const MAX_FAILURES = 100;
const MAX_ADDRESSES = 10_000;
const PROVEN_MS = 3_600_000;

/** Bounds how fast tokens can be guessed, in this process. */
@Injectable()
export class AttemptLimiter {
  private readonly failures = new LRUCache<string, number>({
    max: MAX_ADDRESSES,
    ttl: WINDOW_MS,
    ttlResolution: 0,
    // The window of an address begins with its first wrong token.
    noUpdateTTL: true,
  });
  private readonly proven = new LRUCache<string, true>({ max: MAX_ADDRESSES, ttl: PROVEN_MS });
  private total = 0;
  private windowEndsAt = 0;

  /** @returns after how many seconds the address may try again, or undefined when it may now. */
  retryAfterSeconds(address: string): number | undefined {
    const leftMs =
      (this.failures.get(address) ?? 0) >= MAX_FAILURES_PER_ADDRESS
        ? this.failures.getRemainingTTL(address)
        : this.isFull() && !this.proven.has(address)
          ? this.windowEndsAt - performance.now()
          : 0;
    return leftMs > 0 ? Math.ceil(leftMs / 1000) : undefined;
  }

  /** Notes a wrong token. */
  failed(address: string): void {
    this.failures.set(address, (this.failures.get(address) ?? 0) + 1);
    if (performance.now() >= this.windowEndsAt) {
      this.total = 0;
      this.windowEndsAt = performance.now() + WINDOW_MS;
    }
    this.total++;
  }

  /** Notes a right token. */
  succeeded(address: string): void {
    this.proven.set(address, true);
  }

  private isFull(): boolean {
    return this.total >= MAX_FAILURES && performance.now() < this.windowEndsAt;
  }
}
