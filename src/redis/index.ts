export * from './expiring-keys.js';
export * from './lua-scripts.js';
export * from './memory-expiring-keys.js';
export * from './redis-connections.js';
export * from './redis.module.js';
