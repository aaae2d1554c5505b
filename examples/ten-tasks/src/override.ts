import { Injectable } from '@nestjs/common';
import {
  SettingsStatusMapper,
  StatusMapper,
  type FluentOrder,
  type OrderStates,
  type RetailerScope,
} from 'fluent-commercetools-connector';

/** Orders of the type `SAMPLE` are free: their payment state is never shown. */
@Injectable()
export class SampleStatusMapper extends StatusMapper {
  constructor(private readonly settings: SettingsStatusMapper) {
    super();
  }

  override async map(order: FluentOrder, scope: RetailerScope): Promise<OrderStates> {
    const { paymentState, ...states } = await this.settings.map(order, scope);
    return order.type === 'SAMPLE' ? states : { ...states, paymentState };
  }
}
