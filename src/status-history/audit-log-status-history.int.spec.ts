import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type FluentConnection, connectToFluent } from '../../test/support/fluent-services.js';
import { literalConfig } from '../../test/support/literal-config.js';
import type { RetailerScope } from '../config/index.js';
import { CircuitOpenError, ConfigurationError } from '../errors.js';
import { ApolloFluentClient, type FluentOrder } from '../fluent/index.js';
import type { ConnectorMetrics } from '../metrics/index.js';
import { FluentEmulator } from '../testing/index.js';
import { AuditLogStatusHistory } from './audit-log-status-history.js';

const DAY_MS = 86_400_000;
const STATUSES = ['RECEIVED', 'BOOKED', 'PICK_PACK', 'BOOKED', 'COMPLETE'];

let fluent: FluentEmulator;
let connection: FluentConnection;
let history: AuditLogStatusHistory;
let now: number;
const unreadable = vi.fn<() => void>();

function historyOf(changeRules = ['.SetState', '.ChangeStateGQL']): AuditLogStatusHistory {
  return new AuditLogStatusHistory(
    literalConfig({ statusHistory: { isOn: true, changeRules } }),
    connection.endpoints,
    { unreadableAuditEvents: { inc: unreadable } } as unknown as ConnectorMetrics,
  );
}

beforeEach(async () => {
  now = Date.now();
  fluent = await new FluentEmulator({ now: () => now }).start();
  connection = connectToFluent(fluent);
  history = historyOf();
  unreadable.mockClear();
});
afterEach(async () => {
  await connection[Symbol.asyncDispose]();
  await fluent.stop();
});

/** An order that has passed these statuses within one millisecond. */
function orderAt(...statuses: readonly string[]): FluentOrder {
  return orderNamed('O_1', statuses);
}

function orderNamed(ref: string, [first, ...others]: readonly string[]): FluentOrder {
  const { id } = fluent.addOrder({ ref, status: first });
  for (const status of others) fluent.setStatus(id, status);
  return { ...fluent.order(id)!, attributes: [] };
}

const passed = async (order: FluentOrder, from = history): Promise<string[]> => {
  const scope = { account: { id: fluent.accountId }, retailerId: '1' } as RetailerScope;
  return (await from.passed(order, scope)).map(({ status }) => status);
};
const calls = (): number => fluent.requests.count('findEvents');

describe('the audit log', () => {
  it('gives each status as often as it was passed, oldest first, among the noise of other rules', async () => {
    expect(await passed(orderAt(...STATUSES))).toEqual(STATUSES);
    const other = fluent.addOrder({ ref: 'O_2', status: 'CANCELLED' });
    expect(await passed({ ...fluent.order(other.id)!, attributes: [] })).toEqual(['CANCELLED']);
    expect(unreadable).not.toHaveBeenCalled();
  });

  it.each(['list', 'object', 'text'] as const)('is understood with attributes as %s', async (attributes) => {
    fluent.auditLog = { attributes };
    expect(await passed(orderAt(...STATUSES))).toEqual(STATUSES);
  });

  it('is read page by page', async () => {
    fluent.auditLog = { pageSize: 3 };
    expect(await passed(orderAt(...STATUSES))).toEqual(STATUSES);
    expect(calls()).toBe(Math.ceil((STATUSES.length * 4) / 3));
  });

  it('knows the rule of older workflows, and those of partners by STATUS_CHANGE_RULES', async () => {
    const order = orderAt(...STATUSES);
    fluent.auditLog = { rule: 'order.ChangeStateGQL' };
    expect(await passed(order)).toEqual(STATUSES);
    fluent.auditLog = { rule: 'partner.MoveTo' };
    expect(await passed(order, historyOf())).toEqual([]);
    expect(await passed(order, historyOf(['.MoveTo']))).toEqual(STATUSES);
  });

  it('has nothing of a status that a mutation has set', async () => {
    const order = orderAt('RECEIVED');
    fluent.setStatus(order.id, 'BOOKED', 'mutation');
    fluent.setStatus(order.id, 'PICK_PACK');
    expect(await passed(order)).toEqual(['RECEIVED', 'PICK_PACK']);
  });

  it('counts status changes that cannot be read', async () => {
    const order = orderAt(...STATUSES);
    const rest = connection.endpoints.auditLog(fluent.accountId);
    const call = rest.call.bind(rest);
    vi.spyOn(rest, 'call').mockImplementation(async (request) => {
      const answer = await call(request);
      const { results } = answer.body as { results: { attributes: unknown; name: string }[] };
      for (const each of results.filter(({ name }) => name.endsWith('.SetState')).slice(0, 1)) {
        each.attributes = null;
      }
      return answer;
    });
    await passed(order);
    expect(unreadable).toHaveBeenCalledTimes(0);
    fluent.auditLog = { noise: 0 };
    expect(await passed(order, historyOf())).toEqual(STATUSES.slice(0, -1));
    expect(unreadable).toHaveBeenCalledTimes(1);
  });
});

describe('what the audit log costs', () => {
  it('is one call for those who ask at once, and another for who asks while that is under way', async () => {
    const order = orderAt(...STATUSES);
    await Promise.all([passed(order), passed(order)]);
    expect(calls()).toBe(1);

    const after = vi.fn<() => Promise<void>>();
    const goOn = new Promise<() => void>((holds) => {
      after.mockImplementationOnce(() => new Promise((release) => holds(release)));
    });
    fluent.intercept({ after });
    const early = passed(order);
    const release = await goOn;
    // The first answer is made already: this status is not in it.
    fluent.setStatus(order.id, 'RETURNED');
    const late = passed(order);
    release();
    expect((await early).at(-1)).toBe('COMPLETE');
    expect((await late).at(-1)).toBe('RETURNED');
    expect(calls()).toBe(3);
  });

  it('is less for an order that was asked for before: the last hour is read again', async () => {
    const order = orderAt('RECEIVED', 'BOOKED');
    await passed(order);
    now += 2 * 3_600_000;
    vi.spyOn(Date, 'now').mockImplementation(() => now);
    fluent.setStatus(order.id, 'PICK_PACK');
    await passed(order);
    now += 1000;
    fluent.setStatus(order.id, 'COMPLETE');
    expect(await passed(order)).toEqual(['RECEIVED', 'BOOKED', 'PICK_PACK', 'COMPLETE']);
    const { path } = fluent.requests.recent('findEvents').at(-1)!;
    const from = new Date(new URLSearchParams(path.split('?')[1]).get('from')!);
    expect(from.getTime()).toBe(now - 1000 - 3_600_000);
  });

  it('is that of the whole log again for the first of many orders with many changes, so that memory is bounded', async () => {
    const created = now;
    const results = Array.from({ length: 6000 }, (_, number) => ({
      id: `event-${number}`,
      name: 'ACME.core.SetState',
      eventStatus: 'SUCCESS',
      context: {},
      attributes: { props: { status: number % 2 === 0 ? 'BOOKED' : 'ON_HOLD' } },
      generatedOn: new Date(created).toISOString(),
    }));
    const from: number[] = [];
    const rest = connection.endpoints.auditLog(fluent.accountId);
    vi.spyOn(rest, 'call').mockImplementation(async ({ query }) => {
      from.push(Date.parse(query?.get('from') ?? ''));
      return { status: 200, body: { results, hasMore: false } };
    });
    const orders = Array.from({ length: 10 }, (_, number) => orderNamed(`O_${number}`, ['BOOKED']));
    for (const order of orders) expect(await passed(order)).toHaveLength(results.length);
    now += 2 * 3_600_000;
    vi.spyOn(Date, 'now').mockImplementation(() => now);
    // The log of an order whose changes are known is read from an hour before the newest one, any other from its creation.
    expect(await passed(orders.at(-1)!)).toHaveLength(results.length);
    expect(from.at(-1)).toBe(created - 3_600_000);
    expect(await passed(orders[0]!)).toHaveLength(results.length);
    expect(from.at(-1)).toBe(created - 300_000);
  });

  it('sees events that show up later than newer ones', async () => {
    const order = orderAt('RECEIVED', 'BOOKED');
    const rest = connection.endpoints.auditLog(fluent.accountId);
    const call = rest.call.bind(rest);
    const spy = vi.spyOn(rest, 'call').mockImplementationOnce(async (request) => {
      const answer = await call(request);
      const body = answer.body as { results: { attributes: unknown }[] };
      body.results = body.results.filter(
        ({ attributes }) => !JSON.stringify(attributes).includes('RECEIVED'),
      );
      return answer;
    });
    expect(await passed(order)).toEqual(['BOOKED']);
    spy.mockRestore();
    expect(await passed(order)).toEqual(['RECEIVED', 'BOOKED']);
  });
});

describe('an audit log that cannot be had', () => {
  it('of an order that is older than Fluent allows is read as far as it goes', async () => {
    const order = orderAt('RECEIVED');
    now += 200 * DAY_MS;
    vi.spyOn(Date, 'now').mockReturnValue(now);
    fluent.setStatus(order.id, 'BOOKED');
    expect(await passed(order)).toEqual(['BOOKED']);
  });

  it('is asked for a shorter time when Fluent refuses the window', async () => {
    const order = orderAt('RECEIVED');
    now += 100 * DAY_MS;
    vi.spyOn(Date, 'now').mockReturnValue(now);
    fluent.setStatus(order.id, 'BOOKED');
    const rest = connection.endpoints.auditLog(fluent.accountId);
    vi.spyOn(rest, 'call').mockResolvedValueOnce({ status: 400, body: {} });
    expect(await passed(order)).toEqual(['BOOKED']);
  });

  it.each([401, 403] as const)(
    'for want of a permission (%i) is not asked for again for a while',
    async (status) => {
      const order = orderAt(...STATUSES);
      fluent.faults.set({ kind: 'forbidden', status, operation: 'findEvents' });
      await expect(passed(order)).rejects.toThrow(ConfigurationError);
      await expect(passed(order)).rejects.toThrow(
        /^Fluent account ACME: .* HTTP 40\d.*; give the user of FLUENT_USERNAME the permission to view events/,
      );
      const refused = calls();
      await expect(passed(order)).rejects.toThrow(ConfigurationError);
      expect(calls()).toBe(refused);

      fluent.faults.clear();
      vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 300_001);
      expect(await passed(order)).toEqual(STATUSES);
    },
  );

  it('opens its own circuit, not that of GraphQL', async () => {
    const order = orderAt(...STATUSES);
    fluent.faults.set({ kind: 'rate-limit', operation: 'findEvents' });
    await expect
      .poll(() => passed(order).catch((error: unknown) => error), { timeout: 5000 })
      .toBeInstanceOf(CircuitOpenError);
    const scope = { account: { id: fluent.accountId }, retailerId: '1' } as RetailerScope;
    await expect(
      new ApolloFluentClient(connection.endpoints).getOrder(scope, order.id),
    ).resolves.toMatchObject({ status: 'COMPLETE' });
  });
});
