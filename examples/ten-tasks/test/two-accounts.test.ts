import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CommercetoolsEmulator,
  FluentEmulator,
  createTestConnector,
} from 'fluent-commercetools-connector/testing';
import { expect, it, onTestFinished } from 'vitest';
import { configuration } from '../src/two-accounts.js';

it('accepts the webhooks of each account with its own key, and no others', async () => {
  const [acme, other] = await Promise.all(
    ['ACME', 'OTHER'].map((accountId) => new FluentEmulator({ accountId }).start()),
  );
  const commercetools = await new CommercetoolsEmulator().start();
  const folder = mkdtempSync(join(tmpdir(), 'two-accounts-'));
  onTestFinished(async () => {
    rmSync(folder, { recursive: true });
    await Promise.all([acme?.stop(), other?.stop(), commercetools.stop()]);
  });
  if (!acme || !other) throw new Error('an emulator did not start');
  const file = join(folder, 'connector.yaml');
  writeFileSync(file, configuration([acme, other], commercetools));
  await using connector = await createTestConnector({ env: { CONNECTOR_CONFIG: file } });
  for (const fluent of [acme, other]) {
    fluent.useReferenceMappings();
    fluent.webhookUrl = connector.webhookUrl;
    const order = commercetools.addOrder({ orderNumber: fluent.accountId });
    const { id } = fluent.addOrder({ ref: fluent.accountId });
    expect(await fluent.move(id, 'BOOKED')).toMatchObject({ result: 'accepted' });
    await connector.settled();
    expect(order.orderState).toBe('Confirmed');
  }
  // An account cannot speak for another one.
  const forged = acme.notification(String(acme.orders[0]?.id), { accountId: 'OTHER' });
  expect(await acme.webhooks.send(forged)).toMatchObject({ result: 'failed', status: 401 });
});
