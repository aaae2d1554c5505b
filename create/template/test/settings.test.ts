import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readSettings } from '../src/settings.js';

it('have defaults', () => {
  expect(readSettings({})).toMatchObject({
    TRACKING_FIELD: 'trackingNumber',
    TRACKING_TYPE: 'fluent-tracking',
  });
});

it('come from variables, and secrets from files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'settings-'));
  const path = join(folder, 'CARRIER_TOKEN');
  writeFileSync(path, 'a-token-of-the-carrier\n');
  const settings = readSettings({ TRACKING_FIELD: 'tracking', CARRIER_TOKEN_FILE: path });
  rmSync(folder, { recursive: true });
  expect(settings).toMatchObject({ TRACKING_FIELD: 'tracking', CARRIER_TOKEN: 'a-token-of-the-carrier' });
});

it('are refused with the name of each wrong variable, and without its value', () => {
  const read = () => readSettings({ TRACKING_FIELD: 'no spaces', CARRIER_TOKEN: 'short-secret' });
  expect(read).toThrow(/TRACKING_FIELD.*CARRIER_TOKEN/);
  expect(read).not.toThrow(/short-secret/);
});
