import { vi, expect } from 'vitest';
import { Injectable } from '@nestjs/common';
import {
  NotificationHandler,
  OrderStatusHook,
  SettingsStatusMapper,
  StatusMapper,
  type FluentOrder,
  type NotificationHandlerContract,
  type OrderStatusHookContract,
  type OrderStates,
  type RetailerScope,
} from '../src/index.js';
import { StartSummary } from '../src/start-summary.js';
import { it } from './support/harness.js';
import { WAIT } from './support/wait.js';

it('says in one line at the start what the process does, and where each mapping comes from', async ({
  harness,
}) => {
  await harness.startInProcess({ SHIPPING_STATUS_MAPPING_SETTING: 'off' });
  const lines = harness.lines.filter(({ msg }) => msg === 'the connector is configured');
  expect(lines).toEqual([
    expect.objectContaining({
      role: 'all',
      accounts: [expect.objectContaining({ id: harness.fluent.accountId })] as unknown,
      projects: [harness.commercetools.projectKey],
      handlers: expect.objectContaining({ OrderStatusHandler: expect.any(Array) as unknown }) as unknown,
      hooks: [],
      overrides: {},
    }),
  ]);
  const text = JSON.stringify(lines);
  expect(text).toContain('order.order-status-mapping of FluentSettingsSource');
  expect(text).toContain('"shipping":"off"');
  expect(text).not.toContain(harness.environmentWith()['FLUENT_PASSWORD']);
});

it('warns of nothing that is only not connected yet', async ({ harness }) => {
  const ADMIN_TOKEN = 'a-token-that-is-long-enough-for-this';
  const { url } = await harness.startInProcess({ ADMIN_TOKEN });
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  await vi.waitFor(async () => {
    const answer = await fetch(`${url}/admin/overview`, { headers });
    expect(await answer.json()).toMatchObject({ replicas: [expect.anything()] });
  }, WAIT);
  const contexts = new Set(['Replicas', 'Backfill']);
  expect(
    harness.lines.filter(({ level, context }) => level === 'warn' && contexts.has(String(context))),
  ).toEqual([]);
});

@NotificationHandler('parcel.*')
@Injectable()
class Parcels implements NotificationHandlerContract {
  handle = async (): Promise<void> => undefined;
}

@OrderStatusHook({ required: false })
@Injectable()
class Gifts implements OrderStatusHookContract {
  skip = (): boolean => false;
}

@Injectable()
class StoreMapper extends StatusMapper {
  constructor(private readonly settings: SettingsStatusMapper) {
    super();
  }
  override map = (order: FluentOrder, scope: RetailerScope): Promise<OrderStates> =>
    this.settings.map(order, scope);
}

it('names handlers, hooks and overrides of the partner', async ({ startTestConnector }) => {
  const connector = await startTestConnector({
    handlers: [Parcels],
    providers: [Gifts],
    overrides: [{ provide: StatusMapper, useClass: StoreMapper }],
  });
  expect(connector.app.get(StartSummary, { strict: false }).describe()).toMatchObject({
    handlers: { Parcels: ['parcel.*'] },
    hooks: ['Gifts (optional)'],
    overrides: { StatusMapper: 'StoreMapper' },
    accounts: [{ id: connector.fluent.accountId }],
  });
});

it('calls the update of an order UpdateOrder in metrics, while its text stays as agreed', async ({
  startTestConnector,
}) => {
  const connector = await startTestConnector();
  const { fluent } = connector.addOrder({ ref: 'O_1' });
  await connector.fluent.move(fluent.id, 'BOOKED');
  await connector.settled();
  await vi.waitFor(async () => {
    const metrics = await (await fetch(`${connector.url}/metrics`)).text();
    expect(metrics).toMatch(
      /upstream_request_duration_seconds_count\{[^}]*operation="UpdateOrder",outcome="ok"\} 1/,
    );
    expect(metrics).not.toContain('operation="Search"');
  }, WAIT);
});
