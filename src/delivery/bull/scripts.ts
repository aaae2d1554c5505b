import { ScriptRunner, loadScripts, type RedisClient } from '../../redis/index.js';

/** What is given to each script, and for each item, and what it replies. The texts, and their documentation, are in `lua/`. */
export interface QueueScripts {
  accept: {
    args: 'jobPrefix' | 'earlierDonePrefix' | 'orderPrefix' | 'options' | 'nonce' | 'orderTtlSeconds';
    each: 'id' | 'name' | 'data' | 'lane' | 'coalesceKey';
    reply: ('accepted' | 'duplicate' | Error)[];
  };
  take: {
    args: 'jobPrefix' | 'orderPrefix' | 'lockToken' | 'lockMs' | 'max' | 'held' | 'nonce' | 'orderTtlSeconds';
    reply: [isLeft: 0 | 1, nextDueInMs: number | '', nowMs: number, taken: TakenReply[]];
  };
  renewTicket: { args: 'nonce' | 'orderTtlSeconds'; reply: TicketReply };
  settle: {
    args: 'jobPrefix' | 'earlierDonePrefix' | 'orderPrefix' | 'lockToken' | 'orderTtlSeconds';
    each:
      | 'id'
      | 'coalesceKey'
      | 'epoch'
      | 'ticket'
      | 'run'
      | 'covered'
      | 'observed'
      | 'notBeforeInMs'
      | 'ownAge'
      | 'action'
      | 'delayMs'
      | 'lane'
      | 'parkedFor'
      | 'progress'
      | 'data'
      | 'reason'
      | 'doneTtlSeconds';
    reply: (SettleReply | Error)[];
  };
  renewLocks: { args: 'jobPrefix' | 'lockToken' | 'lockMs' | 'ids'; reply: string[] };
  recover: { args: 'jobPrefix' | 'orderPrefix' | 'nonce' | 'orderTtlSeconds'; reply: number };
  replay: { args: 'jobPrefix' | 'id' | 'data' | 'lane'; reply: 0 | 1 };
  discard: { args: 'jobPrefix' | 'id'; reply: 0 | 1 };
  count: {
    args: 'jobPrefix';
    reply: [waiting: number, active: number, delayed: number, dead: number, oldestMs: string];
  };
  wake: { args: 'jobPrefix' | 'target'; reply: number };
  resume: { args: 'accountId'; reply: 0 | 1 };
  deadLetters: { args: 'afterMs' | 'afterId' | 'limit'; reply: string[] };
  findUnfinished: {
    args: 'jobPrefix' | 'cursor' | 'jobs' | 'mostFound' | 'texts';
    reply: [cursor: string, found: UnfinishedReply[]];
  };
  countLanes: { args: 'jobPrefix' | 'mostLooked'; reply: LaneReply[] };
  describeServer: { args: never; reply: string };
}

export type SettleReply = 'settled' | 'outrun' | 'missing';

export type LaneReply = [
  accountId: string,
  waiting: number,
  background: number,
  running: number,
  delayed: number,
  oldestMs: string,
];

export type UnfinishedReply = [id: string, data: string, progress: string | null];

export type TakenReply = [
  id: string,
  data: string,
  progress: string | null,
  workerDeaths: string | null,
  coalesceKey: string | null,
  ranUntil: string | null,
  kind: 'prompt' | 'background',
  ticket: TicketReply,
];

export type TicketReply = [
  number: string,
  epoch: string,
  covered: string | null,
  observed: string | null,
  notBeforeMs: string | null,
  ownAge: string | null,
];

/** The keys that scripts name, without `order`, which a run gives; each script takes those that it needs. */
export type QueueKeys = Readonly<
  Record<
    'wait' | 'active' | 'delayed' | 'failed' | 'marker' | 'unfinished' | 'paused' | 'finished' | 'any',
    string
  >
>;

const SCRIPTS = loadScripts<QueueScripts>(new URL('lua/', import.meta.url), {
  accept: 'accept',
  take: 'take',
  renewTicket: 'renew-ticket',
  settle: 'settle',
  renewLocks: 'renew-locks',
  recover: 'recover',
  replay: 'replay',
  discard: 'discard',
  count: 'count',
  wake: 'wake',
  resume: 'resume',
  deadLetters: 'dead-letters',
  findUnfinished: 'find-unfinished',
  countLanes: 'count-lanes',
  describeServer: 'describe-server',
});

/** Runs the queue's scripts on one connection, each in one round trip. */
export class QueueScriptRunner extends ScriptRunner<QueueScripts, keyof QueueKeys | 'order'> {
  constructor(client: RedisClient, keys: QueueKeys) {
    super(client, SCRIPTS, keys);
  }
}
