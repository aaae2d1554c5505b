import { Injectable } from '@nestjs/common';
import {
  OrderStatusHook,
  type HookedOrder,
  type OrderStatusHookContract,
  type OrderUpdateAction,
} from 'fluent-commercetools-connector';

interface FluentFields {
  readonly attributes: readonly { readonly name: string; readonly value: unknown }[] | null;
}

interface ShopFields {
  readonly custom: {
    readonly customFieldsRaw: readonly { readonly name: string; readonly value: unknown }[] | null;
  } | null;
}

/** The tracking number of a Fluent order goes to a custom field, in the mutation that writes the states. */
@OrderStatusHook({
  fluentFields: 'fragment Tracking on Order { attributes { name value } }',
  commercetoolsFields: 'fragment Tracking on Order { custom { customFieldsRaw { name value } } }',
})
@Injectable()
export class TrackingHook implements OrderStatusHookContract<FluentFields, ShopFields> {
  actions({ fluentOrder, commercetoolsOrder }: HookedOrder<FluentFields, ShopFields>): OrderUpdateAction[] {
    const wanted = fluentOrder.fields.attributes?.find(({ name }) => name === 'TrackingNumber')?.value;
    const { custom } = commercetoolsOrder.fields;
    const shown = custom?.customFieldsRaw?.find(({ name }) => name === 'trackingNumber')?.value;
    if (wanted === undefined || wanted === shown) return [];
    const field = { name: 'trackingNumber', value: JSON.stringify(wanted) };
    if (custom) return [{ setCustomField: field }];
    return [{ setCustomType: { type: { typeId: 'type', key: 'fluent-tracking' }, fields: [field] } }];
  }
}
