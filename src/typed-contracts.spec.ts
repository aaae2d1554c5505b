import type { OrderStateChangedMessage, ReturnInfoAddedMessage } from '@commercetools/platform-sdk';
import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  OrderStatusHook,
  commercetoolsMessageOf,
  gql,
  orderUpdateActions,
  untypedAction,
  type CommercetoolsOrders,
  type CommercetoolsMessage,
  type FluentNotification,
  type HookedOrder,
  type OrderUpdateAction,
  type RetailerScope,
  type TypedDocumentNode,
} from './index.js';

/** Mostly for the compiler: `npm run typecheck` fails when one of the expected errors is missing. */
const accepted = (...actions: OrderUpdateAction[]): number => actions.length;

describe('an update action', () => {
  it('is checked by the compiler: its name, its fields and their values', () => {
    accepted(
      { changeOrderState: { orderState: 'Confirmed' } },
      { setCustomField: { name: 'gift', value: 'true' } },
      { setCustomType: { type: { typeId: 'type', key: 'gift' }, fields: [{ name: 'gift', value: 'true' }] } },
      untypedAction('setReturnInfo', { items: [] }),
      ...orderUpdateActions({ id: '1', version: 1, orderState: 'Open' }, { paymentState: 'Paid' }),
    );
    // @ts-expect-error no such action
    accepted({ changeOrderStat: { orderState: 'Confirmed' } });
    // @ts-expect-error no such state
    accepted({ changeOrderState: { orderState: 'Canceled' } });
    // @ts-expect-error the name is missing
    accepted({ setCustomField: { value: 'true' } });
    // @ts-expect-error values are JSON text
    accepted({ setCustomField: { name: 'gift', value: true } });
    // @ts-expect-error two actions in one object
    accepted({ changeOrderState: { orderState: 'Open' }, changePaymentState: { paymentState: 'Paid' } });
    expect(untypedAction('setReturnInfo', { items: [] })).toEqual({ setReturnInfo: { items: [] } });
  });
});

interface Points {
  readonly points: number;
}

describe('a hook with a typed fragment', () => {
  const POINTS: TypedDocumentNode<Points> = gql`
    fragment Points on Order {
      points
    }
  `;

  const NAME: TypedDocumentNode<{ name: string }> = gql`
    fragment Name on Order {
      name
    }
  `;

  it('must expect what the fragment reads', () => {
    @OrderStatusHook({ commercetoolsFields: POINTS })
    class Right {
      actions({ commercetoolsOrder }: HookedOrder<unknown, Points>): OrderUpdateAction[] {
        expectTypeOf(commercetoolsOrder.fields.points).toEqualTypeOf<number>();
        return [];
      }
    }

    // @ts-expect-error the fragment reads no name
    @OrderStatusHook({ commercetoolsFields: POINTS })
    class Wrong {
      skip({ commercetoolsOrder }: HookedOrder<unknown, { name: string }>): boolean {
        return commercetoolsOrder.fields.name === '';
      }
    }

    // @ts-expect-error the fragment reads more of the order in commercetools, not of the one in Fluent
    @OrderStatusHook({
      commercetoolsFields: POINTS,
      fluentFields: NAME,
    })
    class WrongSide {
      skip({ fluentOrder }: HookedOrder<Points>): boolean {
        return fluentOrder.fields.points === 0;
      }
    }

    @OrderStatusHook({ commercetoolsFields: 'fragment Any on Order { id }' })
    class Untyped {
      skip({ commercetoolsOrder }: HookedOrder<unknown, { id: string }>): boolean {
        return commercetoolsOrder.fields.id === '';
      }
    }
    expect([Right, Wrong, WrongSide, Untyped]).toHaveLength(4);
  });

  it('gives updateOrder its type', () => {
    const update = (orders: CommercetoolsOrders, scope: RetailerScope) =>
      orders.updateOrder(
        scope,
        { id: '1', ref: 'O_1' },
        ({ fields }) => {
          expectTypeOf(fields).toEqualTypeOf<Points>();
          return [];
        },
        { fields: POINTS },
      );
    expectTypeOf(update).returns.resolves.toHaveProperty('outcome');
  });
});

describe('a message', () => {
  const notification = {
    name: 'commercetools.ReturnInfoAdded',
    entityType: 'commercetools.order',
    attributes: { id: 'm-1', type: 'ReturnInfoAdded', projectKey: 'shop' },
  } as unknown as FluentNotification;

  it("has the fields of commercetools' own types, each of which may be missing", () => {
    const message = commercetoolsMessageOf<ReturnInfoAddedMessage>(notification);
    expectTypeOf(message.id).toEqualTypeOf<string>();
    expectTypeOf(message.returnInfo).toEqualTypeOf<ReturnInfoAddedMessage['returnInfo'] | undefined>();
    // @ts-expect-error another message has it
    expect(message.orderState).toBeUndefined();
    expectTypeOf<CommercetoolsMessage<OrderStateChangedMessage>['orderState']>().toEqualTypeOf<
      OrderStateChangedMessage['orderState'] | undefined
    >();
  });

  it('has unknown fields without a type', () => {
    expectTypeOf(commercetoolsMessageOf(notification)['returnInfo']).toBeUnknown();
  });
});
