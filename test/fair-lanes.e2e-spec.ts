import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, vi } from 'vitest';
import { FluentEmulator } from '../src/testing/index.js';
import { createIt, type Harness } from './support/harness.js';
import { WAIT } from './support/wait.js';

/** Of each call of the slow account, in milliseconds. */
const SLOW_MS = 250;
const SLOTS = 4;
const BACKLOG = 80;
const PROMPT = 8;

const it = createIt();
it.override('environment', {
  QUEUE_CONCURRENCY: String(SLOTS),
  STATUS_HISTORY: 'off',
  RECHECK_DELAY: '60000',
  LOG_LEVEL: 'info',
});

/** A configuration file for two accounts that share a project; YAML can be written as JSON. */
function configuration({ commercetools }: Harness, accounts: readonly FluentEmulator[]): string {
  const { CTP_CLIENT_ID, CTP_CLIENT_SECRET, CTP_AUTH_URL, CTP_API_URL, CTP_SCOPES, CTP_PROJECT_KEY } =
    commercetools.environment;
  return JSON.stringify({
    projects: [
      {
        key: CTP_PROJECT_KEY,
        clientId: CTP_CLIENT_ID,
        clientSecret: CTP_CLIENT_SECRET,
        authUrl: CTP_AUTH_URL,
        apiUrl: CTP_API_URL,
        scopes: CTP_SCOPES,
      },
    ],
    accounts: accounts.map(({ environment }) => ({
      id: environment.FLUENT_ACCOUNT_ID,
      baseUrl: environment.FLUENT_BASE_URL,
      username: environment.FLUENT_USERNAME,
      password: environment.FLUENT_PASSWORD,
      clientId: environment.FLUENT_CLIENT_ID,
      clientSecret: environment.FLUENT_CLIENT_SECRET,
      webhookPublicKeys: [environment.FLUENT_WEBHOOK_PUBLIC_KEYS],
    })),
  });
}

interface Ended {
  readonly backlog: number;
  readonly lagsMs: readonly number[];
}

/** How much of the backlog had ended when the last of the others did, and how long each of the others took. */
function endedOf({ lines }: Harness, isOther: (line: Harness['lines'][number]) => boolean): Ended {
  const outcomes = lines.filter(({ outcome }) => outcome === 'updated');
  const last = outcomes.findLastIndex(isOther);
  const others = outcomes.filter(isOther);
  return {
    backlog: last + 1 - others.length,
    lagsMs: others.map(({ lagMs }) => Number(lagMs)).toSorted((a, b) => a - b),
  };
}

const report = (what: string, { lagsMs, backlog }: Ended): void => {
  const at = (share: number): number | undefined => lagsMs[Math.ceil(lagsMs.length * share) - 1];
  process.stdout.write(
    `${what}: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, meanwhile ${backlog} of the backlog\n`,
  );
};

describe('work that waits for the same slots', { timeout: 120_000 }, () => {
  it('of a slow account does not hold up another account', async ({ harness, onTestFinished }) => {
    const slow = harness.fluent;
    const other = await new FluentEmulator({ accountId: 'OTHER', webhookKeys: slow.webhookKeys }).start();
    onTestFinished(() => other.stop());
    other.useReferenceMappings();
    const folder = await mkdtemp(join(tmpdir(), 'lanes-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, 'connector.yaml');
    await writeFile(file, configuration(harness, [slow, other]));
    // The file replaces the variables of a single account.
    const names = Object.keys({ ...slow.environment, ...harness.commercetools.environment });
    const unset = Object.fromEntries(names.map((name) => [name, '']));
    const { webhookUrl } = await harness.startInProcess({ ...unset, CONNECTOR_CONFIG: file });
    other.webhookUrl = webhookUrl;
    const ids = harness.addOrders(BACKLOG);
    slow.faults.set({ kind: 'latency', ms: SLOW_MS });
    await Promise.all(ids.map((id) => slow.move(id, 'BOOKED')));
    const isOther = ({ accountId }: Harness['lines'][number]): boolean => accountId === 'OTHER';
    for (let order = 0; order < PROMPT; order++) {
      const ref = `OTHER_${order}`;
      harness.commercetools.addOrder({ orderNumber: ref });
      await other.move(other.addOrder({ ref }).id, 'BOOKED');
    }
    await vi.waitFor(() => expect(endedOf(harness, isOther).lagsMs).toHaveLength(PROMPT), WAIT);
    const ended = endedOf(harness, isOther);
    report('other account', ended);
    expect(ended.backlog).toBeLessThan(BACKLOG / 2);
  });

  it('of reconciliation does not hold up webhooks', async ({ harness }) => {
    const { fluent } = harness;
    const ids = harness.addOrders(BACKLOG);
    for (const id of ids) fluent.setStatus(id, 'BOOKED');
    fluent.faults.set({ kind: 'latency', ms: SLOW_MS });
    const connector = await harness.startInProcess({ RECONCILE_INTERVAL: '3600' });
    await vi.waitFor(
      async () =>
        expect(await connector.metric('queue_jobs', 'state="waiting"')).toBeGreaterThan(BACKLOG / 2),
      WAIT,
    );
    const isWebhook = ({ notificationId }: Harness['lines'][number]): boolean =>
      !String(notificationId).startsWith('reconciliation:');
    const before = endedOf(harness, (line) => !isWebhook(line)).lagsMs.length;
    const others = Array.from({ length: PROMPT }, (_, order) => harness.addOrder(`W_${order}`));
    await Promise.all(others.map((id) => fluent.move(id, 'BOOKED')));
    await vi.waitFor(() => expect(endedOf(harness, isWebhook).lagsMs).toHaveLength(PROMPT), WAIT);
    const { backlog, lagsMs } = endedOf(harness, isWebhook);
    report('webhooks', { backlog: backlog - before, lagsMs });
    // At most a quarter of the slots: one, and what held the others when the webhooks came.
    expect(backlog - before).toBeLessThan(BACKLOG / 4);
  });
});
