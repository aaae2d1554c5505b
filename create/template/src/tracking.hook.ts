import { Injectable } from '@nestjs/common';
import {
  OrderStatusHook,
  type HookedOrder,
  type OrderStatusHookContract,
  type OrderUpdateAction,
} from 'fluent-commercetools-connector';
import { Settings } from './settings.js';

interface ShopFields {
  readonly custom: {
    readonly customFieldsRaw: readonly { readonly name: string; readonly value: unknown }[] | null;
  } | null;
}

/** Copies the tracking number of a Fluent order to a custom field, in the mutation that writes the states. */
@OrderStatusHook({
  commercetoolsFields: 'fragment Tracking on Order { custom { customFieldsRaw { name value } } }',
})
@Injectable()
export class TrackingHook implements OrderStatusHookContract<unknown, ShopFields> {
  constructor(private readonly settings: Settings) {}

  actions({ fluentOrder, commercetoolsOrder }: HookedOrder<unknown, ShopFields>): OrderUpdateAction[] {
    const { TRACKING_FIELD: name, TRACKING_TYPE: key } = this.settings;
    const { custom } = commercetoolsOrder.fields;
    const wanted = fluentOrder.attributes.find((attribute) => attribute.name === 'TrackingNumber')?.value;
    const shown = custom?.customFieldsRaw?.find((field) => field.name === name)?.value;
    // The actions are also sent when no state changes, so the hook compares first.
    if (wanted === undefined || wanted === shown) return [];
    const field = { name, value: JSON.stringify(wanted) };
    if (custom) return [{ setCustomField: field }];
    return [{ setCustomType: { type: { typeId: 'type', key }, fields: [field] } }];
  }
}
