import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { ConnectorConfig } from '../src/config/index.js';
import { runCommand } from './support/command-line.js';
import { signWebhook } from '../src/testing/index.js';
import { it as base } from './support/harness.js';

const it = base.extend('folder', async ({}, { onCleanup }) => {
  const folder = await mkdtemp(join(tmpdir(), 'connector-command-line-'));
  onCleanup(() => rm(folder, { recursive: true }));
  return folder;
});

const PAGE = 'docs/cli.md';
const COMMAND = /^\$ fluent-commercetools-connector (.*)$/;

interface Example {
  readonly command: string;
  readonly output: string;
}

/** The commands of the page's console blocks, each with the output that follows it. */
function examples(): Example[] {
  const found: { command: string; output: string }[] = [];
  for (const [, block = ''] of readFileSync(PAGE, 'utf8').matchAll(/^```console\n([^]*?)^```$/gm)) {
    for (const line of block.split('\n').slice(0, -1)) {
      const [, command] = COMMAND.exec(line) ?? [];
      if (command !== undefined) found.push({ command, output: '' });
      else (found.at(-1) as { output: string }).output += `${line}\n`;
    }
  }
  return found;
}

/** Times, random ids and keys differ from run to run; their lengths do not. */
function normalized(text: string): string {
  return text
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, '<time>')
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<uuid>')
    .replaceAll(/[0-9a-f]{16}…/g, '<fingerprint>')
    .replaceAll(/^[\w-]{24}(?= )/gm, '<id>')
    .replaceAll(/version: \d+\.\d+\.\d+/g, 'version: <version>');
}

// Each command starts the connector's services.
it(
  'docs/cli.md shows what the commands print',
  { timeout: 300_000 },
  async ({ startTestConnector, folder }) => {
    const connector = await startTestConnector({
      env: { ADMIN_TOKEN: 'a-token-for-tests-only', ORDER_NOT_FOUND_MAX_AGE: '0' },
    });
    const { fluent, commercetools, app } = connector;
    const order = connector.addOrder({ ref: 'O_1' });
    await fluent.move(order.fluent.id, 'BOOKED');
    await connector.settled();
    // Somebody switched the webhook off.
    fluent.setStatus(order.fluent.id, 'CANCELLED');
    await fluent.notify(fluent.addOrder({ ref: 'O_2' }).id);
    await connector.settled();

    const { redis } = app.get(ConnectorConfig).queue;
    const env = {
      ...fluent.environment,
      ...commercetools.environment,
      REDIS_URL: redis?.topology === 'single' ? redis.url : '',
    };
    const notification = fluent.notification(order.fluent.id, { id: '5b8f0a4e-1c1f-4a1f-9d3c-0e6c0a4f7d21' });
    const body = JSON.stringify(notification);
    const signature = signWebhook(body, fluent.webhookKeys.privateKey)['fluent-signature'];
    const file = join(folder, 'reserialised.http');
    await writeFile(
      file,
      `POST /api/v1/fluent-connect/webhook HTTP/1.1\r\ncontent-type: application/json\r\nfluent-signature: ${signature}\r\n\r\n` +
        JSON.stringify(notification, undefined, 2),
    );
    const mappings = join(folder, 'mappings.yaml');
    await runCommand(['mappings', 'pull', mappings], { env });
    const edited = (await readFile(mappings, 'utf8')).replace(
      '    COMPLETE: Shipped',
      '    COMPLETE: Delivered',
    );
    await writeFile(mappings, edited);
    const all = examples();
    expect(all.length).toBeGreaterThan(4);
    for (const { command, output } of all) {
      const { out } = await runCommand(
        command.replace('reserialised.http', file).replace('mappings.yaml', mappings).split(' '),
        { env },
      );
      expect(normalized(out), command).toBe(normalized(output));
    }
  },
);
