import { setTimeout as delay } from 'node:timers/promises';
import {
  CommercetoolsEmulator,
  FluentEmulator,
  REFERENCE_WORKFLOWS,
  SeededRandom,
  provideRedis,
} from '../src/testing/index.js';
import { agreesWithHistory } from '../test/support/agreement.js';
import { ConnectorProcess } from '../test/support/connector-process.js';
import type { LogLine } from '../test/support/running-connector.js';
import { percentile } from '../bench/percentile.js';
import { Screen, type Figures, type OrderPair } from './screen.js';

const ORDERS = 24;
/** Of the order that passes BOOKED unseen. */
const RUSHING_REF = 'O_2001';
const REDRAW_MS = 100;
/** After the last step: by then every order must agree. */
const PATIENCE_MS = 20_000;

/** What the connector's log tells about notifications that ended. */
class Outcomes {
  readonly byOutcome = new Map<string, number>();
  readonly lagsMs: number[] = [];
  /** Orders that a skipped status has made paid. */
  readonly filled = new Map<string, string>();

  read(line: LogLine): void {
    if (typeof line['outcome'] !== 'string' || typeof line['lagMs'] !== 'number') return;
    this.byOutcome.set(line['outcome'], this.count(line['outcome']) + 1);
    if (line['outcome'] === 'updated') this.lagsMs.push(line['lagMs']);
    if (line['skippedStatuses'] === 'filled') {
      const { paymentState = '' } = line['states'] as Record<string, string>;
      if (paymentState.endsWith('-> Paid')) {
        this.filled.set(
          String(line['entityRef']),
          `at ${String(line['fluentStatus'])}, payment ${paymentState}`,
        );
      }
    }
  }

  count(...outcomes: string[]): number {
    return outcomes.reduce((sum, outcome) => sum + (this.byOutcome.get(outcome) ?? 0), 0);
  }

  get ended(): number {
    return this.count('updated', 'unchanged', 'unmapped', 'superseded', 'dead');
  }
}

/** What was started, to be stopped in reverse order however the demo ends. */
const started: (() => Promise<unknown>)[] = [];

async function stopAll(): Promise<void> {
  for (const stop of started.splice(0).toReversed()) await stop();
}

async function main(): Promise<number> {
  const screen = Screen.create();
  const startedAt = Date.now();
  const outcomes = new Outcomes();
  const random = new SeededRandom(7);

  const redis = await provideRedis();
  started.push(() => redis.stop());
  const fluent = await new FluentEmulator().start();
  started.push(() => fluent.stop());
  const commercetools = await new CommercetoolsEmulator().start();
  started.push(() => commercetools.stop());
  fluent.useReferenceMappings();
  const pairs: OrderPair[] = Array.from({ length: ORDERS }, (_, index) => {
    const ref = `O_${1001 + index}`;
    return {
      fluent: fluent.addOrder({ ref }),
      commercetools: commercetools.addOrder({ orderNumber: ref }),
    };
  });

  // A day like any other: slow answers, other writers, webhooks twice, late, early or never.
  fluent.faults.set({ kind: 'latency', ms: 15 });
  commercetools.faults.set({ kind: 'latency', ms: 25 });
  commercetools.faults.set({ kind: 'conflict', probability: 0.1, seed: 3 });

  const connector = await ConnectorProcess.start(
    {
      REDIS_URL: redis.url,
      ...fluent.environment,
      ...commercetools.environment,
      RECONCILE_INTERVAL: '2',
      RECHECK_DELAY: '1000',
    },
    (line) => outcomes.read(line),
  );
  started.push(() => connector.stop());
  fluent.webhookUrl = connector.webhookUrl;
  screen.say(
    `Redis, Fluent, commercetools and the connector run (${Date.now() - startedAt} ms). ${ORDERS} orders move:\n`,
  );

  const drivenAt = Date.now();
  const figures = (): Figures => ({
    webhooks: fluent.webhooks.counts.attempts,
    perSecond: Math.round((fluent.webhooks.counts.attempts * 1000) / (Date.now() - drivenAt)),
    syncs: outcomes.count('updated', 'unchanged'),
    p50Ms: percentile(outcomes.lagsMs, 50),
    p99Ms: percentile(outcomes.lagsMs, 99),
  });
  const redraw = setInterval(() => screen.show(pairs, figures()), REDRAW_MS);

  const workflows = Object.values(REFERENCE_WORKFLOWS);
  const walks = await Promise.all(
    pairs.map(async ({ fluent: { id } }) => {
      await delay(random.integer(0, 1500));
      return fluent.walk(id, random.pick(workflows), {
        pauseMs: [200, 1400],
        duplicates: 0.1,
        reorders: 0.1,
        overtakes: 0.1,
        drops: 0.03,
        random,
      });
    }),
  );

  // One order rushes through BOOKED: only its next status sends a webhook.
  const rushing = {
    fluent: fluent.addOrder({ ref: RUSHING_REF }),
    commercetools: commercetools.addOrder({ orderNumber: RUSHING_REF }),
  };
  pairs.push(rushing);
  fluent.setStatus(rushing.fluent.id, 'BOOKED');
  await fluent.move(rushing.fluent.id, 'PICK_PACK');

  const disagreeing = (): OrderPair[] =>
    pairs.filter(({ commercetools: shop, fluent: order }) => !agreesWithHistory(shop, order));
  const { counts } = fluent.webhooks;
  const giveUpAt = Date.now() + PATIENCE_MS;
  // Reconciliation adds notifications of its own, so "all accepted have ended" is a lower bound.
  while ((disagreeing().length > 0 || outcomes.ended < counts.accepted) && Date.now() < giveUpAt) {
    await delay(REDRAW_MS);
  }
  clearInterval(redraw);
  screen.show(pairs, figures());

  const found = await reconciled(connector.url);
  const exitCode = await connector.stop();
  const lost = Math.max(0, counts.accepted - outcomes.ended);
  const wrong = disagreeing();
  const dropped = walks.reduce((sum, walk) => sum + walk.dropped, 0);
  const { syncs, p50Ms, p99Ms } = figures();
  screen.say(
    [
      '',
      `notifications  ${counts.accepted} accepted, ${counts.duplicate} duplicates, ${dropped} never sent by Fluent`,
      `syncs          ${syncs} (${outcomes.count('updated')} updates; ${outcomes.count('superseded')} notifications needed none; ` +
        `${found} found by reconciliation)`,
      `lost           ${lost}`,
      `lag            p50 ${p50Ms} ms, p99 ${p99Ms} ms, from acceptance to agreement`,
      `orders         ${pairs.length - wrong.length} of ${pairs.length} agree, all three states with their whole history`,
      ...[...outcomes.filled].map(([ref, change]) => `skipped        ${ref} passed BOOKED unseen: ${change}`),
      ...wrong.map(
        ({ fluent: order }) =>
          `               ${order.ref} is ${order.status} in Fluent, and its states do not follow from its history`,
      ),
      `time           ${((Date.now() - startedAt) / 1000).toFixed(1)} s`,
    ].join('\n'),
  );
  if (exitCode !== 0) screen.say(`the connector ended with exit code ${exitCode}`);
  return wrong.length === 0 && lost === 0 && exitCode === 0 ? 0 : 1;
}

async function reconciled(connectorUrl: string): Promise<number> {
  const metrics = await (await fetch(`${connectorUrl}/metrics`)).text();
  return Number(/^fluent_connector_reconcile_found_total (\d+)/m.exec(metrics)?.[1] ?? 0);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void stopAll().finally(() => process.exit(130));
  });
}
try {
  process.exitCode = await main();
} finally {
  await stopAll();
}
