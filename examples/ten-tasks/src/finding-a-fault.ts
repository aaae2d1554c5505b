import { Injectable } from '@nestjs/common';
import { IsInt } from 'class-validator';
import {
  NotificationHandler,
  type FluentNotification,
  type HandlerContext,
} from 'fluent-commercetools-connector';

export class StockAttributes {
  @IsInt()
  quantity!: number;
}

/** The rules of its attributes say what is wrong with a notification, so that nobody has to guess. */
@NotificationHandler({ names: 'stock.counted', attributes: StockAttributes })
@Injectable()
export class StockHandler {
  readonly counted = new Map<string, number>();

  async handle(
    { entityRef }: FluentNotification,
    { attributes }: HandlerContext<StockAttributes>,
  ): Promise<void> {
    this.counted.set(String(entityRef), attributes.quantity);
  }
}
