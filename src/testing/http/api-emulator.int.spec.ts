import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EmulatorSession } from '../../../test/support/emulator-session.js';
import { CommercetoolsEmulator } from '../commercetools/commercetools-emulator.js';
import { FluentEmulator } from '../fluent/fluent-emulator.js';
import type { EmulatorResponse } from './emulator-request.js';
import { WAIT } from '../../../test/support/wait.js';

let commercetools: CommercetoolsEmulator;
let session: EmulatorSession;
let orderId: string;

const READ = 'query Read($id: String) { order(id: $id) { version orderState } }';
const WRITE = `mutation Write($id: String, $version: Long!, $actions: [OrderUpdateAction!]!) {
  updateOrder(id: $id, version: $version, actions: $actions) { version }
}`;

beforeEach(async () => {
  commercetools = await new CommercetoolsEmulator().start();
  session = EmulatorSession.forCommercetools(commercetools);
  orderId = commercetools.addOrder({ orderNumber: 'O_1' }).id;
  await session.token();
});
afterEach(() => commercetools.stop());

const read = () => session.graphql(READ, { id: orderId });
const write = (version = 1, orderState = 'Confirmed') =>
  session.graphql(WRITE, { id: orderId, version, actions: [{ changeOrderState: { orderState } }] });

describe('faults', () => {
  it('delay answers, not what they say', async () => {
    commercetools.faults.set({ kind: 'latency', ms: 80, times: 1 });
    const started = performance.now();
    const slow = read();
    await vi.waitFor(() => expect(commercetools.faults.triggered('latency')).toBe(1), WAIT);
    commercetools.setStates('O_1', { orderState: 'Complete' });
    expect((await slow).json.data.order.orderState).toBe('Open');
    expect(performance.now() - started).toBeGreaterThanOrEqual(75);
  });

  it('hang until the client gives up or the emulator stops, and execute nothing', async () => {
    commercetools.faults.set({ kind: 'hang', operation: 'updateOrder' });
    const hanging = write();
    const reason = hanging.then(
      () => 'answered',
      (error: Error) => error.message,
    );
    await vi.waitFor(() => expect(commercetools.requests.count('updateOrder')).toBe(1), WAIT);
    expect((await read()).json.data.order.orderState).toBe('Open');
    await commercetools.stop();
    expect(await reason).toBe('fetch failed');
  });

  it('reset the connection before anything is executed', async () => {
    commercetools.faults.set({ kind: 'reset', times: 1 });
    await expect(write()).rejects.toThrow('fetch failed');
    expect(commercetools.order('O_1')?.version).toBe(1);
    expect((await write()).status).toBe(200);
  });

  it('limit the rate with Retry-After, or without', async () => {
    commercetools.faults.set({ kind: 'rate-limit', retryAfterSeconds: 7, times: 1 });
    const limited = await read();
    expect(limited.status).toBe(429);
    expect(limited.headers.get('retry-after')).toBe('7');
    commercetools.faults.set({ kind: 'rate-limit', retryAfterSeconds: null, times: 1 });
    expect((await read()).headers.get('retry-after')).toBeNull();
  });

  it.each([
    [{ kind: 'error' }, 500, { statusCode: 500, errors: [{ code: 'General' }] }],
    [{ kind: 'error', status: 503 }, 503, { statusCode: 503, errors: [{ code: 'OverCapacity' }] }],
    [
      { kind: 'graphql-error', code: 'PendingOperation' },
      200,
      { errors: [{ extensions: { code: 'PendingOperation' } }] },
    ],
  ] as const)('answer %o as the API does', async (fault, status, json) => {
    commercetools.faults.set(fault);
    expect(await write()).toMatchObject({ status, json });
    commercetools.faults.clear();
    expect((await read()).json.data.order.version).toBe(1);
  });

  it('put a page of HTML in front', async () => {
    commercetools.faults.set({ kind: 'html' });
    const { status, headers, json } = await read();
    expect([status, headers.get('content-type')]).toEqual([502, 'text/html']);
    expect(json).toContain('<html>');
  });

  it('force a conflict although the version is right', async () => {
    commercetools.faults.set({ kind: 'conflict', times: 1 });
    expect((await read()).json.errors).toBeUndefined();
    expect((await write()).json.errors[0].extensions).toEqual({
      code: 'ConcurrentModification',
      currentVersion: 1,
    });
    expect((await write()).json.data.updateOrder.version).toBe(4);
  });

  it('expire the token in use', async () => {
    commercetools.faults.set({ kind: 'expired-token', times: 1 });
    expect((await read()).status).toBe(401);
    expect((await read()).status).toBe(401);
    await session.token();
    expect((await read()).status).toBe(200);
  });

  it('leave a write uncertain: applied, but not confirmed', async () => {
    commercetools.faults.set({ kind: 'uncertain', times: 1 });
    await expect(write()).rejects.toThrow('fetch failed');
    expect(commercetools.order('O_1')).toMatchObject({ orderState: 'Confirmed', version: 4 });
    commercetools.faults.set({ kind: 'uncertain', answer: 'general', times: 1 });
    expect(await write(4, 'Complete')).toMatchObject({
      status: 500,
      json: { errors: [{ code: 'General' }] },
    });
    expect(commercetools.order('O_1')?.orderState).toBe('Complete');
  });

  describe('of several mutations in one request', () => {
    const BOTH = `mutation Both($first: String, $second: String, $actions: [OrderUpdateAction!]!) {
      a: updateOrder(id: $first, version: 1, actions: $actions) { version }
      b: updateOrder(id: $second, version: 1, actions: $actions) { version }
    }`;
    const writeBoth = () => {
      const second = commercetools.addOrder({ orderNumber: 'O_2' }).id;
      const actions = [{ changeOrderState: { orderState: 'Confirmed' } }];
      return session.graphql(BOTH, { first: orderId, second, actions });
    };

    it('delay each, because they run one after the other', async () => {
      commercetools.faults.set({ kind: 'latency', ms: 80 });
      const started = performance.now();
      await writeBoth();
      expect(performance.now() - started).toBeGreaterThanOrEqual(155);
    });

    it('drop the connection when some are applied and others not', async () => {
      commercetools.faults.set({ kind: 'uncertain', applied: 1 });
      await expect(writeBoth()).rejects.toThrow('fetch failed');
      expect(commercetools.order('O_1')?.orderState).toBe('Confirmed');
      expect(commercetools.order('O_2')?.orderState).toBe('Open');
    });
  });

  it('execute, and answer with null and an error', async () => {
    commercetools.faults.set({ kind: 'partial', code: 'General', times: 1 });
    expect((await write()).json).toMatchObject({
      data: { updateOrder: null },
      errors: [{ extensions: { code: 'General' } }],
    });
    expect(commercetools.order('O_1')?.orderState).toBe('Confirmed');
    commercetools.faults.set({ kind: 'partial', times: 1 });
    expect((await read()).json).toEqual({ data: { order: null } });
    commercetools.faults.set({ kind: 'partial', operation: 'token' });
    expect((await session.token()).json.access_token).toBeNull();
  });

  it('execute, and reset the connection in the middle of the answer', async () => {
    commercetools.faults.set({ kind: 'cut', times: 1 });
    await expect(write()).rejects.toThrow('terminated');
    expect(commercetools.order('O_1')?.orderState).toBe('Confirmed');
  });

  it('answer with a text that is not JSON, or with more than anybody reads', async () => {
    commercetools.faults.set({ kind: 'garbage', times: 1 });
    await expect(read()).rejects.toThrow('JSON');
    commercetools.faults.set({ kind: 'oversized', bytes: 1000, times: 1 });
    expect(JSON.stringify((await read()).json)).toHaveLength(1000);
  });

  it('add up, and are turned off one by one', async () => {
    const half = commercetools.faults.add({ kind: 'error', status: 504, probability: 0.5 });
    const rest = commercetools.faults.add({ kind: 'error', status: 502 });
    const statuses: number[] = [];
    for (let count = 0; count < 20; count += 1) statuses.push((await read()).status);
    expect(new Set(statuses)).toEqual(new Set([502, 504]));
    expect(half.hits + rest.hits).toBe(20);
    rest.off();
    half.off();
    expect((await read()).status).toBe(200);
  });

  it('can be limited to tokens', async () => {
    commercetools.faults.set({ kind: 'error', operation: 'token' });
    expect((await read()).status).toBe(200);
    expect((await session.token()).status).toBe(500);
  });

  it('hit a repeatable fraction', async () => {
    const statuses = async (): Promise<number[]> => {
      commercetools.faults.set({ kind: 'error', probability: 0.5, seed: 11 });
      const seen: number[] = [];
      for (let count = 0; count < 30; count += 1) seen.push((await read()).status);
      return seen;
    };
    const first = await statuses();
    expect(new Set(first)).toEqual(new Set([200, 500]));
    expect(await statuses()).toEqual(first);
  });

  it('use the codes of the API that is emulated', async () => {
    const fluent = await new FluentEmulator().start();
    try {
      fluent.faults.set({ kind: 'rate-limit', operation: 'graphql' });
      const { status, json } = await EmulatorSession.forFluent(fluent).graphql('{ me { id } }');
      expect([status, json.errors[0].extensions.code]).toEqual([429, 'C0011E']);
    } finally {
      await fluent.stop();
    }
  });

  it('refuse connections while down, and keep state and port', async () => {
    const { url } = commercetools;
    await commercetools.down();
    await expect(read()).rejects.toThrow('fetch failed');
    await commercetools.up();
    expect(commercetools.url).toBe(url);
    expect((await read()).json.data.order.version).toBe(1);
  });
});

describe('interceptors', () => {
  it('hold a request before it is executed and before it is answered', async () => {
    const held: { step: string; go: () => void }[] = [];
    const hold = (step: string) => new Promise<void>((go) => held.push({ step, go }));
    const remove = commercetools.intercept({
      before: ({ fields }) => hold(`before ${fields.join()}`),
      after: (_, { body }: EmulatorResponse) => hold(`after ${JSON.stringify(body)}`),
    });
    const answer = read();
    await vi.waitFor(() => expect(held).toHaveLength(1), WAIT);
    expect(held[0]?.step).toBe('before order');
    commercetools.setStates('O_1', { orderState: 'Confirmed' });
    held[0]?.go();
    await vi.waitFor(() => expect(held).toHaveLength(2), WAIT);
    expect(held[1]?.step).toContain('Confirmed');
    commercetools.setStates('O_1', { orderState: 'Complete' });
    held[1]?.go();
    expect((await answer).json.data.order.orderState).toBe('Confirmed');
    remove();
    expect((await read()).json.data.order.orderState).toBe('Complete');
    expect(held).toHaveLength(2);
  });

  it('see name, kind and variables of an operation; a failing one is a 500', async () => {
    commercetools.intercept(({ operationName, mutation, variables }) => {
      throw new Error([operationName, mutation, variables.version].join());
    });
    const { status, json } = await write(9);
    expect(status).toBe(500);
    expect(json.message).toContain('Write,true,9');
  });
});
