export * from './admin.module.js';
export type * from './dead-letters/dead-letter-schemas.js';
export type * from './orders/order-schemas.js';
export type * from './settings/settings-schemas.js';
export type * from './reconcile/reconcile-schemas.js';
export type * from './accounts/account-schemas.js';
export type * from './doctor/doctor-schemas.js';
export type * from './overview/overview-schemas.js';
