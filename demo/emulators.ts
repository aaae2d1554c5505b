/**
 * `npm run emulators`: a Fluent account and a commercetools project on this machine, for any client.
 * Prints the environment that points a connector at them, how to move an order, and where the key is that signs
 * its webhooks.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommercetoolsEmulator, FluentEmulator } from '../src/testing/index.js';

const ORDERS = 5;
const WEBHOOK_URL = process.env.WEBHOOK_URL ?? 'http://127.0.0.1:8080/api/v1/fluent-connect/webhook';

const fluent = new FluentEmulator({ webhookUrl: WEBHOOK_URL });
const commercetools = new CommercetoolsEmulator();

fluent.useReferenceMappings();
for (let number = 1; number <= ORDERS; number += 1) {
  const ref = `DEMO-${String(number).padStart(3, '0')}`;
  fluent.addOrder({ id: String(100 + number), ref });
  commercetools.addOrder({ orderNumber: ref });
}

// Before there is a key, which must not outlive this process.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop());

// Readable by this user alone, and gone when the emulators end.
const keyFolder = mkdtempSync(join(tmpdir(), 'fluent-emulator-'));
const privateKeyFile = join(keyFolder, 'webhook-private-key.pem');
writeFileSync(privateKeyFile, fluent.webhookKeys.privateKey, { mode: 0o600 });
process.once('exit', () => rmSync(keyFolder, { recursive: true, force: true }));

await startAt(fluent, 'FLUENT_EMULATOR_PORT', 4010);
await startAt(commercetools, 'COMMERCETOOLS_EMULATOR_PORT', 4020);

console.log(`Fluent emulator         ${fluent.url}
commercetools emulator  ${commercetools.url}
Orders                  ${fluent.orders.map(({ id, ref }) => `${ref} (${id})`).join(', ')}
Webhooks go to          ${WEBHOOK_URL}  (set WEBHOOK_URL to change that)
They are signed with    ${privateKeyFile}  (PEM; sign your own webhooks with it)

# Point a connector at them, and start it with npm start. It also needs REDIS_URL:
${Object.entries({ ...fluent.environment, ...commercetools.environment })
  .map(([name, value]) => `export ${name}='${value}'`)
  .join('\n')}

# List the orders:
curl -s ${fluent.url}/emulator/orders

# Move an order; its signed webhook is sent at once:
curl -s -X POST ${fluent.url}/emulator/orders/101/status -H 'content-type: application/json' -d '{"status":"BOOKED"}'

# See what commercetools has:
curl -s ${commercetools.url}/emulator/orders

Ctrl-C ends both.`);

async function stop(): Promise<void> {
  await Promise.all([fluent.stop(), commercetools.stop()]);
  process.exit(0);
}

async function startAt(
  emulator: FluentEmulator | CommercetoolsEmulator,
  variable: string,
  defaultPort: number,
): Promise<void> {
  const value = process.env[variable];
  const port = value === undefined || value === '' ? defaultPort : Number(value);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    console.error(`${variable} must be a port number, not '${value}'`);
    process.exit(1);
  }
  try {
    await emulator.start(port);
  } catch (error) {
    console.error(`The port ${port} cannot be used (${String(error)}). Set ${variable} to another one.`);
    process.exit(1);
  }
}
