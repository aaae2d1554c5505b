import { Injectable } from '@nestjs/common';
import { OrderStatusHook, type HookedOrder } from 'fluent-commercetools-connector';

interface Shop {
  custom: { customFieldsRaw: { name: string; value: unknown }[] | null } | null;
}

/** Copies the promised date from Fluent to a custom field, in the mutation that writes the states. */
@OrderStatusHook({
  commercetoolsFields: 'fragment Promise on Order { custom { customFieldsRaw { name value } } }',
})
@Injectable()
export class PromiseHook {
  actions({ fluentOrder, commercetoolsOrder }: HookedOrder<unknown, Shop>) {
    const { custom } = commercetoolsOrder.fields;
    const wanted = fluentOrder.attributes.find(({ name }) => name === 'promisedDate')?.value;
    const shown = custom?.customFieldsRaw?.find(({ name }) => name === 'promisedDate')?.value;
    if (wanted === undefined || wanted === shown) return [];
    const field = { name: 'promisedDate', value: JSON.stringify(wanted) };
    if (custom) return [{ setCustomField: field }];
    return [{ setCustomType: { type: { typeId: 'type', key: 'promise' }, fields: [field] } }];
  }
}
