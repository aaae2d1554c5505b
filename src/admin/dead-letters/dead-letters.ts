import { Injectable } from '@nestjs/common';
import {
  FAILURE_CAUSES,
  MessageQueue,
  causeOf,
  type DeadLetter,
  type FailureCause,
} from '../../delivery/index.js';
import { orderIdOf, orderOf } from '../../notification/index.js';
import type {
  DeadLetterFilter,
  DeadLetterPage,
  DeadLetterView,
  ReplayManyResult,
} from './dead-letter-schemas.js';

/** Letters that are read from the queue at once. */
const READ_AT_ONCE = 500;
/** About as many letters as one request replays; the next request continues. */
const MAX_REPLAYED = 10_000;
/** Letters that one request for a page looks at; the next request continues. */
const MAX_LOOKED_AT = 5000;

const ADVICE: Readonly<Record<FailureCause, string>> = {
  configuration: 'correct the setting or the configuration that the error names, then replay it',
  permission: 'correct the credentials or give the permission that the error names, then replay it',
  data: 'correct the order or the notification, then replay it; discard the letter when it is not needed any more',
  unknown: 'read the error; replay it when the system that it names works again',
};

/** The dead letters of the queue, filtered, and what is done about them. */
@Injectable()
export class DeadLetters {
  constructor(private readonly queue: MessageQueue) {}

  /** Newest first. A letter may come twice when others go meanwhile, and none is left out. */
  async list(filter: DeadLetterFilter, limit: number, next?: string): Promise<DeadLetterPage> {
    const { dead: total } = await this.queue.counts();
    const matches = matcher(filter);
    const found: DeadLetterView[] = [];
    let after = next === undefined ? undefined : positionOf(next);
    for (let lookedAt = 0; lookedAt < MAX_LOOKED_AT;) {
      const page = await this.queue.deadLetters({ after, limit: READ_AT_ONCE });
      for (const letter of page) {
        if (found.length === limit) return { total, deadLetters: found, next: textOf(after!) };
        after = letter;
        if (matches(letter)) found.push(viewOf(letter));
      }
      lookedAt += page.length;
      if (page.length < READ_AT_ONCE) return { total, deadLetters: found };
    }
    return { total, deadLetters: found, next: textOf(after!) };
  }

  async find(id: string): Promise<DeadLetterView | undefined> {
    const letter = await this.queue.deadLetter(id);
    return letter && viewOf(letter);
  }

  async replay(id: string): Promise<boolean> {
    return this.queue.replay(id);
  }

  async discard(id: string): Promise<boolean> {
    return this.queue.discard(id);
  }

  /**
   * Counts the letters that match now, and replays these unless it is a dry run. Newest first, so that requests that follow
   * each other with `next` reach neither a letter twice nor one that has failed again meanwhile.
   */
  async replayMany(
    filter: DeadLetterFilter,
    { dryRun, after: next }: { readonly dryRun: boolean; readonly after?: string },
  ): Promise<ReplayManyResult> {
    const matches = matcher(filter);
    const ids: string[] = [];
    const byCause = Object.fromEntries(FAILURE_CAUSES.map((cause) => [cause, 0])) as Record<
      FailureCause,
      number
    >;
    let after = next === undefined ? undefined : positionOf(next);
    let isOver = false;
    while (!isOver && ids.length < MAX_REPLAYED) {
      const page: readonly DeadLetter[] = await this.queue.deadLetters({ after, limit: READ_AT_ONCE });
      for (const letter of page.filter(matches)) {
        ids.push(letter.id);
        byCause[causeOf(letter.error)]++;
      }
      after = page.at(-1) ?? after;
      isOver = page.length < READ_AT_ONCE;
    }
    let replayed = 0;
    if (!dryRun) for (const id of ids) if (await this.queue.replay(id)) replayed++;
    const more = !isOver && after !== undefined;
    return { matched: ids.length, replayed, byCause, more, ...(more && { next: textOf(after!) }) };
  }
}

type Position = Pick<DeadLetter, 'id' | 'diedAt'>;

function textOf({ id, diedAt }: Position): string {
  return `${diedAt.getTime()}.${id}`;
}

/** @param text as {@link textOf} made it; the schema has checked its form. */
function positionOf(text: string): Position {
  const [time = '', id = ''] = text.split('.', 2);
  return { id, diedAt: new Date(Number(time)) };
}

function matcher(filter: DeadLetterFilter): (letter: DeadLetter) => boolean {
  const { account, name, order, error, cause } = filter;
  const from = Date.parse(filter.diedAfter ?? '');
  const until = Date.parse(filter.diedBefore ?? '');
  return ({ notification, error: failure, diedAt }) =>
    (account === undefined || notification.accountId === account) &&
    (name === undefined || notification.name === name) &&
    (order === undefined || orderOf(notification)?.ref === order || orderIdOf(notification) === order) &&
    (error === undefined || failure.name === error) &&
    (cause === undefined || causeOf(failure) === cause) &&
    (Number.isNaN(from) || diedAt.getTime() >= from) &&
    (Number.isNaN(until) || diedAt.getTime() < until);
}

/** Neither attributes nor other fields of the notification: they may hold personal data. */
function viewOf({
  id,
  notification,
  error,
  attempts,
  acceptedAt,
  firstFailedAt,
  diedAt,
}: DeadLetter): DeadLetterView {
  const { accountId, retailerId, name, entityType, entityId, entityRef } = notification;
  const orderId = orderIdOf(notification);
  const cause = causeOf(error);
  return {
    id,
    account: accountId,
    retailer: retailerId,
    name,
    notificationId: notification.id,
    ...(orderId !== undefined && { order: { id: orderId, ref: orderOf(notification)?.ref } }),
    entity: { type: entityType, id: entityId, ref: entityRef },
    error,
    cause,
    advice: ADVICE[cause],
    attempts,
    acceptedAt: acceptedAt.toISOString(),
    ...(firstFailedAt && { firstFailedAt: firstFailedAt.toISOString() }),
    diedAt: diedAt.toISOString(),
  };
}
