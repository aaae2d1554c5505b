import { createTestConnector } from 'fluent-commercetools-connector/testing';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { AppModule } from '../src/app.module.js';
import { Settings } from '../src/settings.js';

async function settingsWith(env: Record<string, string>): Promise<Settings> {
  await using connector = await createTestConnector({ module: AppModule, env });
  return connector.app.get(Settings, { strict: false });
}

it('have defaults, and come from variables and files', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'settings-'));
  try {
    const path = join(folder, 'CARRIER_TOKEN');
    writeFileSync(path, 'a-token-of-the-carrier\n');
    expect(await settingsWith({ TRACKING_FIELD: 'tracking', CARRIER_TOKEN_FILE: path })).toEqual({
      TRACKING_FIELD: 'tracking',
      TRACKING_TYPE: 'fluent-tracking',
      CARRIER_TOKEN: 'a-token-of-the-carrier',
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it("are refused in one list with the connector's own, and without their values", async () => {
  const wrong = { TRACKING_FIELD: 'no spaces', CARRIER_TOKEN: 'short-secret', ORDER_LOOKUP: 'name' };
  const { message } = await settingsWith(wrong).then(
    () => new Error('the connector started'),
    (error: Error) => error,
  );
  for (const name of Object.keys(wrong)) expect(message).toContain(`- ${name} must`);
  expect(message).not.toContain('short-secret');
});
