export * from './apollo-fluent-client.js';
export { ORDER_BY_ID as FLUENT_ORDER_QUERY } from './documents.js';
export * from './fluent-client.js';
export {
  CREATE_ORDER,
  CREATE_SETTING,
  ORDER_BY_REF,
  UPDATE_ORDER,
  UPDATE_SETTING,
  type Connection,
  type CreateFluentOrderInput,
  type CreateFluentSettingInput,
  type FluentAttributeInput,
  type UpdateFluentOrderInput,
  type UpdateFluentSettingInput,
  type WrittenOrder,
  type WrittenSetting,
} from './documents.js';
export * from './fluent-endpoints.js';
export * from './fluent-graphql.js';
export * from './fluent.module.js';
