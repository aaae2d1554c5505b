import { hash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { sampleNotification } from '../../testing/sample-notification.js';
import { jobIdOf } from './stored-notification.js';

describe('the id of a job', () => {
  const idOf = (id: string): string => jobIdOf(sampleNotification({ accountId: 'ACME', id }));

  it('is the same for the same account and notification only', () => {
    expect(idOf('1')).toBe(idOf('1'));
    expect(idOf('1')).not.toBe(idOf('2'));
    expect(idOf('1')).not.toBe(jobIdOf(sampleNotification({ accountId: 'OTHER', id: '1' })));
  });

  it('can be typed as an argument of a command: it never begins with a hyphen', () => {
    const hashOf = (id: string): string => hash('sha256', JSON.stringify(['ACME', id]), 'base64url');
    const ids = Array.from({ length: 1000 }, (_, index) => String(index));
    const hyphened = ids.filter((id) => hashOf(id).startsWith('-'));
    expect(hyphened.length).toBeGreaterThan(0);
    for (const id of ids) expect(idOf(id)).toMatch(/^\w[\w-]{23}$/);
  });
});
