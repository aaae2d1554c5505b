import { describe, expect, it } from 'vitest';
import { lagMsOf, type NotificationJobData } from './notification-job.js';

const accepted = (ms: number): NotificationJobData =>
  ({ number: ms * 1000, notification: {} }) as NotificationJobData;

describe('lagMsOf', () => {
  it('counts from acceptance, and is never negative when the clock of Redis is ahead', () => {
    expect(lagMsOf(accepted(Date.now() - 5000))).toBeGreaterThanOrEqual(5000);
    expect(lagMsOf(accepted(Date.now() + 5000))).toBe(0);
  });
});
