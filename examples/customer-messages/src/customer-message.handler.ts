import { Injectable } from '@nestjs/common';
import { IsIn, IsOptional, IsString, Length, Matches, ValidateIf } from 'class-validator';
import {
  CommercetoolsClient,
  NotificationHandler,
  OrderLookup,
  PermanentError,
  TransientError,
  gql,
  orderOf,
  type FluentNotification,
  type HandlerContext,
  type NotificationHandlerContract,
  type TypedDocumentNode,
} from 'fluent-commercetools-connector';
import { MessageProvider } from './message-provider.js';

/** What Fluent's webhook says about the message. */
export class CustomerMessageAttributes {
  @IsIn(['email', 'sms'], { message: 'channel must be email or sms' }) channel!: 'email' | 'sms';
  /** What the provider calls its text. */
  @IsString() @Length(1, 100) template!: string;
  @ValidateIf(({ channel }: CustomerMessageAttributes) => channel === 'sms')
  @Matches(/^\+[1-9]\d{6,14}$/, { message: 'phone must be a number with country code, e.g. +491701234567' })
  phone?: string;
  @IsOptional() @IsString() @Length(1, 100) storeName?: string;
}

const CONTACT: TypedDocumentNode<
  { order: { orderNumber: string | null; customerEmail: string | null } | null },
  { id: string }
> = gql`
  query Contact($id: String!) {
    order(id: $id) {
      orderNumber
      customerEmail
    }
  }
`;

/**
 * The hook of an email and text message provider. The email address is read from commercetools: it is where
 * customers keep it right, and it does not have to travel through workflows and logs.
 */
@NotificationHandler({
  names: 'example.customer-message',
  attributes: CustomerMessageAttributes,
  // Providers limit how much they take.
  concurrency: 4,
  timeoutMs: 30_000,
})
@Injectable()
export class CustomerMessageHandler implements NotificationHandlerContract<CustomerMessageAttributes> {
  constructor(
    private readonly lookup: OrderLookup,
    private readonly client: CommercetoolsClient,
    private readonly provider: MessageProvider,
  ) {}

  async handle(
    notification: FluentNotification,
    { scope, signal, attributes, logger }: HandlerContext<CustomerMessageAttributes>,
  ): Promise<void> {
    const { channel, template, phone, storeName } = attributes;
    const reference = orderOf(notification);
    if (!reference) throw new PermanentError('the notification names no order; send rootEntityRef of it');
    const options = { signal, correlationId: notification.id };
    const found = await this.lookup.find(reference, scope, options);
    const { order } = found
      ? await this.client.query(scope.project.key, CONTACT, { id: found.id }, options)
      : { order: null };
    if (!order) throw new TransientError(`commercetools does not have the order ${reference.ref} yet`);

    const to = channel === 'sms' ? phone : order.customerEmail;
    if (!to) throw new PermanentError(`order ${reference.ref} has no email address`);
    // Fluent's retries and our own have one id, and so the provider sends one message.
    const id = `${notification.accountId}:${notification.id}`;
    const data = { orderNumber: order.orderNumber ?? reference.ref, ...(storeName && { storeName }) };
    await this.provider.send({ id, channel, to, template, data }, signal);
    logger.info({ orderRef: reference.ref, channel, template }, 'message handed to the provider');
  }
}
