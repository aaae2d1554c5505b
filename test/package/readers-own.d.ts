import type {
  CommercetoolsClient,
  CommercetoolsOrder,
  Connection,
  FluentBatches,
  FluentEvents,
  FluentGraphql,
  FluentNotification,
  InventoryEntity,
  MessageQueue,
  OrderLookupOptions,
  StatusMapper,
  TypedDocumentNode,
} from 'fluent-commercetools-connector';
import type { FluentEmulator } from 'fluent-commercetools-connector/testing';

/**
 * What the examples in TSDoc leave to their readers: classes of their own, and values that surrounding code has.
 * Everything else that an example names must be exported by the package.
 */
export declare class AuditLog {
  record(orderId: string, actions: readonly object[]): Promise<void>;
}
export declare class Consul {
  read(path: string): Promise<string | undefined>;
}
export declare class EventStore {
  statusChangesOf(orderId: string): Promise<{ status: string; at: Date; by: string }[]>;
}
export declare class Vault {
  read(path: string): Promise<string>;
}
export declare class VaultModule {}
export declare class ParcelShippedHandler {
  handle(): Promise<void>;
}
export declare const WarehouseStatusMapper: new () => StatusMapper;
export declare const MyMapper: typeof WarehouseStatusMapper;
export declare const SqsMessageQueue: (new () => MessageQueue) & {
  connect(): Promise<MessageQueue>;
};
export declare function isFromGateway(headers: object, rawBody: Buffer): boolean;
export declare function readStock(): AsyncIterable<InventoryEntity>;

export interface ShopFields {
  readonly custom: { readonly customFieldsRaw: { name: string; value: unknown }[] | null } | null;
}

export declare const batches: FluentBatches;
export declare const events: FluentEvents;
export declare const graphql: FluentGraphql;
export declare const client: CommercetoolsClient;
export declare const fluent: FluentEmulator;
export declare const notification: FluentNotification;
export declare const project: { readonly key: string };
export declare const options: OrderLookupOptions;
export declare const trackingUrl: { name: string; type: string; value: string };
export declare const url: string;
export declare const connectorUrl: string;
export declare const key: string;

export declare const ORDER_BY_KEY: TypedDocumentNode<
  { order: (CommercetoolsOrder & Record<string, unknown>) | null },
  { key: string }
>;
export declare const PURCHASE_ORDER_NUMBER: TypedDocumentNode<
  { order: { purchaseOrderNumber: string | null } | null },
  { id: string }
>;
export declare const ORDER_WITH_ITEMS: TypedDocumentNode<{ orderById: object | null }, { id: string }>;
export declare const BOOKED_ORDERS: TypedDocumentNode<
  { orders: Connection<{ ref: string }> },
  { first: number; after?: string }
>;
