/** Texts that are kept for a time, and shared by all replicas while there is Redis. Losing one costs work, not data. */
export abstract class ExpiringKeys {
  /** @throws Error when the store does not answer. */
  abstract get(key: string): Promise<string | undefined>;

  /** @throws Error when the store does not answer. */
  abstract set(key: string, value: string, ttlSeconds: number): Promise<void>;

  /**
   * Sets the key unless it has another value; its time then begins again.
   *
   * @returns the other value, or undefined when the key has `value` now.
   * @throws Error when the store does not answer.
   */
  abstract claim(key: string, value: string, ttlSeconds: number): Promise<string | undefined>;
}
