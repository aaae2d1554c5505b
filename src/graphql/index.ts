export * from './graphql-endpoint.js';
export * from './graphql.module.js';
export * from './order-fields.js';
