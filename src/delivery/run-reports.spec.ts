import type { PinoLogger } from 'nestjs-pino';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { literalConfig } from '../../test/support/literal-config.js';
import { CircuitOpenError, ConfigurationError, PermanentError, TransientError } from '../errors.js';
import type { HandlerRegistry } from '../handlers/index.js';
import { ConnectorMetrics } from '../metrics/index.js';
import type { RunReport } from './decide.js';
import type { Delivery } from './delivery.js';
import { sampleNotification } from '../testing/sample-notification.js';
import { OutcomeLog, RunReports } from './run-reports.js';

const notification = sampleNotification({ id: 'n-1', name: 'fc.connect.order-status', entityRef: 'O_5' });
const REPORT: RunReport = { notification, outcome: 'updated', attempt: 2, lagMs: 1500.4 };

describe('OutcomeLog', () => {
  const levels = ['debug', 'info', 'warn', 'error'] as const;
  type Write = (line: object, message: string) => void;
  let written: [level: string, line: object, message: string][];
  let metrics: ConnectorMetrics;
  let reports: RunReports;
  let outcomeLog: OutcomeLog;
  const child = vi.fn<(bindings: object, options: object) => object>();

  beforeEach(() => {
    written = [];
    metrics = new ConnectorMetrics();
    reports = new RunReports();
    child.mockReturnValue(
      Object.fromEntries(
        levels.map((level): [string, Write] => [
          level,
          (line, message) => void written.push([level, line, message]),
        ]),
      ),
    );
    const registry = { labelOf: (name: string) => (name === notification.name ? name : 'other') };
    outcomeLog = new OutcomeLog(
      reports,
      registry as HandlerRegistry,
      literalConfig({ account: (id) => (id === 'ACME' ? ({} as never) : undefined) }),
      metrics,
      { logger: { child } } as unknown as PinoLogger,
    );
  });

  const publish = (report: RunReport): void => reports.publish(report, {} as Delivery);
  const counted = async () =>
    (await metrics.notifications.get()).values.map(({ labels, value }) => ({ ...labels, value }));
  const lags = async () =>
    (await metrics.syncLag.get()).values
      .filter(({ metricName }) => metricName?.endsWith('_sum') || metricName?.endsWith('_count'))
      .map(({ value }) => value);

  it('logs one line with what a search needs, and what the handler tells beside it', () => {
    publish({ ...REPORT, details: { fluentStatus: 'BOOKED' } });
    expect(outcomeLog).toBeInstanceOf(OutcomeLog);
    expect(child.mock.calls).toEqual([[{ context: 'Notifications' }, { redact: [] }]]);
    expect(written).toEqual([
      [
        'info',
        {
          notificationId: 'n-1',
          accountId: 'ACME',
          retailerId: '1',
          name: 'fc.connect.order-status',
          entityRef: 'O_5',
          outcome: 'updated',
          attempt: 2,
          lagMs: 1500,
          fluentStatus: 'BOOKED',
        },
        'notification updated',
      ],
    ]);
  });

  it('counts an outcome by account and handler, and what is not configured as other', async () => {
    publish(REPORT);
    publish({ ...REPORT, notification: { ...notification, accountId: 'GONE', name: 'gone' } });
    expect(await counted()).toEqual([
      { account: 'ACME', name: notification.name, outcome: 'updated', value: 1 },
      { account: 'other', name: 'other', outcome: 'updated', value: 1 },
    ]);
  });

  it.each(['updated', 'unchanged', 'superseded'] as const)(
    'measures the lag of %s in seconds',
    async (outcome) => {
      publish({ ...REPORT, outcome, lagMs: 1500 });
      expect((await lags()).toSorted()).toEqual([1, 1.5]);
    },
  );

  it.each(['unmapped', 'retried', 'dead'] as const)('measures no lag of %s', async (outcome) => {
    publish({ ...REPORT, outcome });
    expect((await lags()).filter((value) => value > 0)).toEqual([]);
  });

  it.each<[RunReport['outcome'], Error, string, string]>([
    ['retried', new TransientError('it is down'), 'warn', 'notification retried: it is down'],
    ['retried', new ConfigurationError('create it'), 'error', 'notification retried: create it'],
    ['dead', new PermanentError('never'), 'error', 'notification dead: never'],
    [
      'retried',
      new CircuitOpenError('fluent:ACME', 5),
      'debug',
      'notification deferred: circuit of fluent:ACME is open; deferred until the target answers again',
    ],
  ])('logs %s by %s as %s', (outcome, error, level, message) => {
    publish({ ...REPORT, outcome, error, delayMs: 700 });
    expect(written).toEqual([
      [
        level,
        expect.objectContaining({ retryInMs: 700, error: { name: error.name, message: error.message } }),
        message,
      ],
    ]);
  });
});
