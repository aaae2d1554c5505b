/** For `vi.waitFor`: how long a spec waits for a condition at most, far longer than any takes, also on a busy machine. */
export const WAIT = { timeout: 60_000, interval: 50 } as const;
