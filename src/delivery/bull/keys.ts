import type { FluentNotification } from '../../notification/index.js';
import { REDIS_PREFIX } from '../../redis/index.js';
import type { QueueKeys } from './scripts.js';

export const QUEUE_NAME = 'notifications';

/** Numbers and coverage of a key only save runs; after a day without notifications they may go. */
export const ORDER_KEY_LIFETIME_SECONDS = 86_400;

function key(name: string): string {
  return `${REDIS_PREFIX}:${QUEUE_NAME}:${name}`;
}

/** Of the keys of Bull's jobs. */
export const JOB_PREFIX = key('');

/** A `WAIT` that follows a write of this key covers every earlier write. */
export const WRITTEN_KEY = key('written');

/** Bull's keys, and ours beside them. {@link orderKey} makes the others. */
export const KEYS: QueueKeys = {
  wait: key('wait'),
  active: key('active'),
  delayed: key('delayed'),
  failed: key('failed'),
  marker: key('marker'),
  unfinished: key('unfinished'),
  paused: key('paused'),
  any: key('id'),
  finished: `${REDIS_PREFIX}:finished`,
};

/** Of the keys with which the version before marked finished notifications. They are read until they have expired. */
export const EARLIER_DONE_PREFIX = `${REDIS_PREFIX}:done:`;

/** Holds the numbers and the coverage of a coalesce key. */
export function orderKey(coalesceKey: string): string {
  return `${REDIS_PREFIX}:order:${coalesceKey}`;
}

/** @returns the lane of an account in which a notification waits. */
export function laneOf({ accountId }: FluentNotification, background: boolean): string {
  return `${background ? 'background' : 'prompt'}:${accountId}`;
}

/** @returns names that are unique, also after a server came back without the keys that were made with earlier ones. */
export function uniqueNames(prefix: string): () => string {
  let made = 0;
  return () => `${prefix}${(made++).toString(36)}`;
}
