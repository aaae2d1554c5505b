export * from './commercetools/commercetools-emulator.js';
export type { UpdateActionRule } from './commercetools/action-table.js';
export type { NewCommercetoolsOrder, NewLineItem } from './commercetools/commercetools-state.js';
export { COMMERCETOOLS_SDL } from './commercetools/commercetools-schema.js';
export type { EmulatedMessage, MessageOptions, MessageSender } from './commercetools/message-sender.js';
export type * from './commercetools/order-record.js';
export type {
  CommercetoolsStoreRecord,
  CommercetoolsTypeRecord,
  EmulatedFieldType,
  NewCommercetoolsStore,
  NewCommercetoolsType,
  StoredResource,
} from './commercetools/project-state.js';
export type { AuditLogRules } from './fluent/audit-log.js';
export type { EventOutcome, EventRule, FluentEventEntry } from './fluent/event-state.js';
export type * from './fluent/customer-state.js';
export * from './fluent/fluent-emulator.js';
export type { BatchRules, FluentBatchEntry, FluentJobEntry } from './fluent/job-api.js';
export type * from './fluent/fulfilment-state.js';
export { FLUENT_SDL } from './fluent/fluent-schema.js';
export type {
  FluentAttributeRecord,
  FluentOrderItemRecord,
  FluentOrderRecord,
  FluentSettingRecord,
  FulfilmentChoiceRecord,
  NewFluentOrder,
  NewFluentSetting,
  StatusChange,
} from './fluent/fluent-state.js';
export * from './fluent/reference-data.js';
export * from './fluent/webhook-sender.js';
export type { EmulatedNotification, WalkOptions, WalkResult } from './fluent/workflow-walk.js';
export { ApiEmulator, type Answer, type ApiEmulatorOptions, type RestRoute } from './http/api-emulator.js';
export type { EmulatorExtension, ExtensionContext, ExtensionResolvers } from './http/emulator-extension.js';
export type * from './http/emulator-request.js';
export type { ArmedFault, Fault, FaultEffect, FaultKind, FaultScope, FaultSwitches } from './http/faults.js';
export type { DeliveryOutcome, DeliveryRetry } from './http/repeated-delivery.js';
export type { LoggedRequest, RequestLog } from './http/request-log.js';
export { freePort } from './free-port.js';
export * from './message-queue-suite.js';
export * from './private-redis.js';
export * from './seeded-random.js';
export * from './webhook-signature.js';
export * from './test-connector.js';
