import { Injectable } from '@nestjs/common';
import { describe, expect } from 'vitest';
import {
  ApolloCommercetoolsClient,
  CircuitOpenError,
  CommercetoolsClient,
  OrderStatusHook,
  type HookedOrder,
  type OrderStatusHookContract,
  type OrderUpdateAction,
  type Override,
} from '../src/index.js';
import type { TestConnector } from '../src/testing/index.js';
import { it } from './support/harness.js';

const SHOP_FIELDS = 'fragment Loyalty on Order { loyaltyPoints }';
const FLUENT_FIELDS = 'fragment Loyalty on Order { loyaltyPoints }';

/** The order has no custom type, so commercetools refuses the action. */
const REFUSED: OrderUpdateAction = { setCustomField: { name: 'points', value: '7' } };

@OrderStatusHook({ commercetoolsFields: SHOP_FIELDS })
@Injectable()
class RequiredShopFields implements OrderStatusHookContract {
  actions = (): OrderUpdateAction[] => [];
}

@OrderStatusHook({ fluentFields: FLUENT_FIELDS })
@Injectable()
class RequiredFluentFields implements OrderStatusHookContract {
  actions = (): OrderUpdateAction[] => [];
}

@OrderStatusHook({ commercetoolsFields: SHOP_FIELDS, fluentFields: FLUENT_FIELDS, required: false })
@Injectable()
class OptionalFields implements OrderStatusHookContract {
  actions = (): OrderUpdateAction[] => [REFUSED];
}

@OrderStatusHook()
@Injectable()
class RequiredPoints implements OrderStatusHookContract {
  actions = (): OrderUpdateAction[] => [REFUSED];
}

@OrderStatusHook({ required: false })
@Injectable()
class OptionalPoints implements OrderStatusHookContract {
  actions = (): OrderUpdateAction[] => [REFUSED];
}

/** The project does not answer the check at the start. */
const uncheckedAtStart: Override = {
  provide: CommercetoolsClient,
  inject: [ApolloCommercetoolsClient],
  useFactory: (inner: ApolloCommercetoolsClient) => {
    const query = inner.query.bind(inner);
    inner.query = (key, document, ...rest) =>
      JSON.stringify(document).includes('CheckHookFields')
        ? Promise.reject(new CircuitOpenError('commercetools:demo', 1000))
        : query(key, document, ...rest);
    return inner;
  },
};

async function book(connector: TestConnector, ref = 'O_1') {
  const { fluent, commercetools } = connector.addOrder({ ref });
  await connector.fluent.move(fluent.id, 'BOOKED');
  return commercetools;
}

const metricsOf = async ({ url }: TestConnector): Promise<string> => (await fetch(`${url}/metrics`)).text();
const healthOf = async ({ url }: TestConnector): Promise<unknown> =>
  ((await (await fetch(`${url}/health`)).json()) as { details: { hooks: unknown } }).details.hooks;

describe('a hook whose fragment has a wrong field', () => {
  it('stops the start with its name, the field and both systems, when it is required', async ({
    startTestConnector,
  }) => {
    const failure = startTestConnector({ providers: [RequiredShopFields, RequiredFluentFields] });
    await expect(failure).rejects.toThrow(
      /Fluent account .*: hook RequiredFluentFields: its fields are refused: .*loyaltyPoints/,
    );
    await expect(failure).rejects.toThrow(
      /commercetools project .*: hook RequiredShopFields: its fields are refused: .*loyaltyPoints/,
    );
  });

  it('does not keep an ingress from accepting webhooks', async ({ startTestConnector }) => {
    const connector = await startTestConnector({
      providers: [RequiredShopFields],
      env: { CONNECTOR_ROLE: 'ingress' },
    });
    expect((await fetch(`${connector.url}/health/ready`)).status).toBe(200);
  });

  it('costs no order its states when it is optional, and shows what is lost', async ({
    startTestConnector,
  }) => {
    const connector = await startTestConnector({ providers: [OptionalFields] });
    const order = await book(connector);
    await connector.settled();
    expect(order.orderState).toBe('Confirmed');
    const [run] = connector.runs;
    expect(run?.outcome).toBe('updated');
    expect(run?.details?.['lostHooks']).toEqual({
      OptionalFields: expect.stringContaining('loyaltyPoints') as string,
    });
    expect(await metricsOf(connector)).toContain(
      'fluent_connector_hook_failures_total{hook="OptionalFields",cause="fields",required="false"}',
    );
    expect(await healthOf(connector)).toMatchObject({
      status: 'degraded',
      failures: [{ hook: 'OptionalFields', lastCause: 'fields', required: false }],
    });
  });

  it('is found with the first order when the start could not check it', async ({ startTestConnector }) => {
    const providers = [RequiredShopFields];
    const connector = await startTestConnector({ providers, overrides: [uncheckedAtStart] });
    const order = await book(connector);
    const { error } = await connector.waitForRun({ outcome: 'retried' });
    expect(error?.name).toBe('ConfigurationError');
    expect(error?.message).toMatch(/hook RequiredShopFields: its fields are refused: .*loyaltyPoints/);
    expect(order.orderState).toBe('Open');
  });

  it('is left out of the first order when the start could not check it, and it is optional', async ({
    startTestConnector,
  }) => {
    const providers = [OptionalFields];
    const connector = await startTestConnector({ providers, overrides: [uncheckedAtStart] });
    const order = await book(connector);
    await connector.settled();
    expect(order.orderState).toBe('Confirmed');
    expect(connector.runs.map(({ outcome }) => outcome)).toEqual(['updated']);
  });
});

describe('a hook whose update action commercetools refuses', () => {
  it('is named, and the order waits for the correction, when it is required', async ({
    startTestConnector,
  }) => {
    const connector = await startTestConnector({ providers: [RequiredPoints] });
    const order = await book(connector);
    const { error } = await connector.waitForRun({ outcome: 'retried' });
    expect(error?.name).toBe('ConfigurationError');
    expect(error?.message).toMatch(/^hook RequiredPoints: commercetools refuses its update actions: /);
    expect(order.history).toHaveLength(1);
  });

  it('costs no order its states when it is optional, beside one that works', async ({
    startTestConnector,
  }) => {
    @OrderStatusHook({ order: 1 })
    @Injectable()
    class Working implements OrderStatusHookContract {
      actions = ({ commercetoolsOrder }: HookedOrder): OrderUpdateAction[] =>
        commercetoolsOrder.shipmentState === 'Delayed'
          ? []
          : [{ changeShipmentState: { shipmentState: 'Delayed' } }];
    }
    const connector = await startTestConnector({ providers: [OptionalPoints, Working] });
    const order = await book(connector);
    await connector.settled();
    expect(order).toMatchObject({ orderState: 'Confirmed', paymentState: 'Paid' });
    expect(connector.runs.map(({ outcome }) => outcome)).toEqual(['updated']);
    expect(connector.runs[0]?.details?.['lostHooks']).toMatchObject({
      OptionalPoints: expect.stringContaining('InvalidOperation') as string,
    });
    expect(await metricsOf(connector)).toContain(
      'fluent_connector_hook_failures_total{hook="OptionalPoints",cause="actions",required="false"} 1',
    );
  });
});
