/**
 * Everything that a partner may use. Names that are not exported here may change at any time.
 *
 * @packageDocumentation
 */
export { bootstrapConnector, type BootstrapOptions } from './bootstrap-connector.js';
export {
  ConnectorModule,
  type ConnectorModuleAsyncOptions,
  type ConnectorModuleOptions,
  type ConnectorRuntimeOptions,
} from './connector.module.js';
export type { Override } from './overrides.js';

// What can be replaced, each with its default.
export { MessageRouter, ProjectMessageRouter } from './commercetools-messages/index.js';
export { RsaSignatureVerifier, SignatureVerifier, type SignatureVerification } from './webhook/index.js';
export {
  BullMessageQueue,
  MemoryMessageQueue,
  MessageQueue,
  QueueUnavailableError,
  RunReports,
  type AccountPause,
  type AddOptions,
  type AddResult,
  type Coverage,
  type DeadLetter,
  type DeadLetterPage,
  type Delivery,
  type DeliveryProgress,
  type DescribedError,
  type EntitySearch,
  type Failing,
  type FailureHistory,
  type FirstRun,
  type LaneCounts,
  type NotificationOutcome,
  type ProcessResult,
  type QueueCounts,
  type QueueHealth,
  type QueueState,
  type RunListener,
  type RunReport,
  type RunTicket,
  type EndedRun,
  type HeldSlots,
  type Lane,
  NO_SLOTS_HELD,
  nextLane,
  type SettleResult,
  type Settlement,
  type UnfinishedNotification,
  type UnfinishedSearchResult,
} from './delivery/index.js';
export {
  FileSettingsSource,
  FluentSettingsSource,
  SettingsSource,
  type SettingValue,
} from './settings/index.js';
export { SettingsStatusMapper, StatusMapper, type MappingOverview } from './mapping/index.js';
export { AuditLogStatusHistory, StatusHistory, type PassedStatus } from './status-history/index.js';
export {
  ApolloCommercetoolsClient,
  CommercetoolsClient,
  CommercetoolsOrders,
  ConfiguredOrderLookup,
  ConfiguredOrderReferenceResolver,
  ConflictError,
  MutationOrderUpdate,
  ORDER_STATES,
  OrderLookup,
  OrderReferenceResolver,
  OrderUpdate,
  PAYMENT_STATES,
  SHIPMENT_STATES,
  orderUpdateActions,
  untypedAction,
  type CommercetoolsOrder,
  type CommercetoolsRequestOptions,
  type DecideActions,
  type OrderLookupOptions,
  type OrderState,
  type OrderStates,
  type OrderUpdateAction,
  type OrderUpdateActions,
  type PaymentState,
  type ReadOrder,
  type ShipmentState,
  type UntypedOrderUpdateAction,
  type UpdateOrderOptions,
  type UpdatedOrder,
} from './commercetools/index.js';
export {
  ApolloFluentClient,
  CREATE_ORDER,
  CREATE_SETTING,
  FluentClient,
  FluentGraphql,
  UPDATE_ORDER,
  UPDATE_SETTING,
  type Connection,
  type CreateFluentOrderInput,
  type CreateFluentSettingInput,
  type FluentAttribute,
  type FluentAttributeInput,
  type FluentNodesOptions,
  type FluentOrder,
  type FluentOrderOptions,
  type FluentRequestOptions,
  type UpdatedFluentOrder,
  type UpdatedOrdersOptions,
  type FluentScope,
  type FluentSetting,
  type UpdateFluentOrderInput,
  type UpdateFluentSettingInput,
  type WrittenOrder,
  type WrittenSetting,
} from './fluent/index.js';

// Events into Fluent's workflows.
export {
  Article,
  ArticleItem,
  ConfirmParcels,
  ConfirmParcelsAttributes,
  DispatchArticle,
  EventEnvelope,
  EventFailedError,
  EventNotMatchedError,
  EventRefusedError,
  FluentEvent,
  FluentEvents,
  FulfilmentEvent,
  FulfilmentItem,
  FulfilmentPack,
  InvalidEventError,
  OrderAppeasement,
  OrderAppeasementAttributes,
  OrderCancel,
  OrderEvent,
  OrderRevision,
  OrderRevisionAttributes,
  PackAttributes,
  PackedItems,
  PickedItem,
  RejectReason,
  Rejection,
  RevisedItem,
  RevisionReason,
  RulesetNotFoundError,
  WaveDispatchAttributes,
  WaveDispatchInitiated,
  WavePack,
  type ConfirmParcelsFields,
  type EventOptions,
  type FindEventsOptions,
  type FluentEventFields,
  type FluentEventFilter,
  type FluentEventRecord,
  type FluentEventStatus,
  type FulfilmentEventFields,
  type OrderCancelFields,
  type OrderEventFields,
  type SendEventOptions,
  type SentEvent,
} from './fluent-events/index.js';

// A little more than the built-in handler does.
export {
  OrderStatusHook,
  type HookedOrder,
  type OrderStatusHookContract,
  type OrderStatusHookOptions,
} from './order-status/index.js';
export { type OrderFields, type OrderFragmentSource, withOrderFields } from './graphql/index.js';

// Many entities into Fluent.
export {
  FluentBatches,
  MAX_BATCH_ENTITIES,
  type BatchEntity,
  type EntityFailure,
  type InventoryEntity,
  type LoadOptions,
  type LoadProgress,
  type LoadResult,
  type BackoffOptions,
  type BatchError,
  type BatchStatus,
  type JobStatus,
} from './fluent-batches/index.js';

// Handlers of notifications.
export {
  NotificationHandler,
  type HandlerContext,
  type HandlerResult,
  type NotificationHandlerContract,
  type NotificationHandlerOptions,
} from './handlers/index.js';
// The fields of the typed update actions.
export type {
  AddOrderDelivery,
  AddOrderParcelToDelivery,
  ChangeOrderPaymentState,
  ChangeOrderShipmentState,
  ChangeOrderState,
  CustomFieldInput,
  CustomFieldsDraft,
  DeliveryItemDraftType,
  ParcelDataDraftType,
  ParcelMeasurementsDraftType,
  ResourceIdentifierInput,
  SetOrderCustomField,
  SetOrderCustomType,
  SetOrderDeliveryCustomField,
  SetOrderDeliveryCustomType,
  SetOrderDeliveryItems,
  SetOrderLineItemCustomField,
  SetOrderLineItemCustomType,
  SetOrderParcelCustomField,
  SetOrderParcelCustomType,
  SetOrderParcelItems,
  SetOrderParcelMeasurements,
  SetOrderParcelTrackingData,
  SetOrderStore,
  TrackingDataDraftType,
} from './commercetools/index.js';

export {
  commercetoolsMessageOf,
  orderOf,
  type CommercetoolsInitiator,
  type CommercetoolsMessage,
  type CommercetoolsMessageEnvelope,
  type FluentNotification,
  type OrderReference,
} from './notification/index.js';

export {
  CircuitOpenError,
  ConfigurationError,
  ConnectorError,
  PermanentError,
  TransientError,
  type ConnectorErrorOptions,
  type TransientErrorOptions,
} from './errors.js';
export {
  ConnectorConfig,
  type AccountConfig,
  type AdminScope,
  type AdminToken,
  type CommercetoolsMessagesConfig,
  type ConnectorRole,
  type HistoryConfig,
  type LoggingConfig,
  type OperationBatchConfig,
  type MappingKind,
  type MappingSettings,
  type OrderLookupField,
  type ProjectConfig,
  type QueueConfig,
  type RedisCredentials,
  type RedisNode,
  type RedisTarget,
  type RetailerScope,
  type RetryConfig,
  type ServerConfig,
  type StatusHistoryConfig,
} from './config/index.js';
export { PinoLogger } from './logging/index.js';
export type { Logger } from 'pino';
// For your own documents.
export { gql, type TypedDocumentNode } from '@apollo/client';
