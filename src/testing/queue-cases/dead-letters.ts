import { setTimeout as delay } from 'node:timers/promises';
import { sampleNotification } from '../sample-notification.js';
import { KEY, dead } from './bench.js';
import { expectSame, expectThat } from './expectations.js';
import type { QueueCase } from './queue-case.js';

/** What an operator finds and does with dead letters. */
export const DEAD_LETTERS: readonly QueueCase[] = [
  {
    method: 'deadLetters',
    name: 'keeps a dead letter with its error until it is replayed',
    check: async (queue, bench) => {
      const sent = sampleNotification();
      await queue.add(sent, KEY);
      await queue.settle(await bench.takeOne(), dead('order of another retailer'));
      const expected = { waiting: 0, active: 0, delayed: 0, dead: 1 };
      expectSame('counts() after "dead"', await bench.states(), expected);
      const [letter] = await queue.deadLetters();
      expectThat('deadLetters() lists the dead letter', letter !== undefined);
      expectSame('the notification of the dead letter', letter.notification, sent);
      const error = { name: 'PermanentError', message: 'order of another retailer' };
      expectSame('its error, which is progress.error of the settlement', letter.error, error);
      expectSame('its attempts, from progress.failures', letter.attempts, 4);
      expectSame('its firstFailedAt, from progress.failures', letter.firstFailedAt, new Date(1000));
      expectSame('deadLetter() with its id', await queue.deadLetter(letter.id), letter);

      expectSame('replay() of a dead letter', await queue.replay(letter.id), true);
      expectSame('replay() a second time', await queue.replay(letter.id), false);
      expectSame('deadLetter() after the replay', await queue.deadLetter(letter.id), undefined);
      const again = await bench.takeOne();
      expectSame('the notification that is replayed', again.notification, sent);
      expectSame('its coalesceKey', again.coalesceKey, 'order-1');
      expectSame('its progress, which begins anew', again.progress, {});
    },
  },
  {
    method: 'deadLetter',
    name: 'does not find a dead letter that does not exist',
    check: async (queue) => {
      expectSame('deadLetter() of an unknown id', await queue.deadLetter('unknown'), undefined);
      expectSame('replay() of an unknown id', await queue.replay('unknown'), false);
      expectSame('discard() of an unknown id', await queue.discard('unknown'), false);
      expectSame('deadLetters() of an empty queue', await queue.deadLetters(), []);
    },
  },
  {
    method: 'discard',
    name: 'removes a discarded dead letter permanently',
    check: async (queue, bench) => {
      await queue.add(sampleNotification());
      await queue.settle(await bench.takeOne(), dead('no'));
      const [letter] = await queue.deadLetters();
      expectThat('deadLetters() lists the dead letter', letter !== undefined);
      expectSame('discard() of a dead letter', await queue.discard(letter.id), true);
      expectSame('notifications of counts() after it', await bench.total(), 0);
      expectSame('replay() after it', await queue.replay(letter.id), false);
    },
  },
  {
    method: 'deadLetters',
    name: 'lists dead letters newest first, page by page, and replays all',
    check: async (queue, bench) => {
      for (const id of ['a', 'b', 'c']) {
        await queue.add(sampleNotification({ id }));
        await queue.settle(await bench.takeOne(), dead(id));
        await delay(2);
      }
      const listed = await queue.deadLetters({ limit: 2 });
      expectSame('the first page of two, of a, b, c', messages(listed), ['c', 'b']);
      const rest = await queue.deadLetters({ after: listed[1]!, limit: 2 });
      expectSame('the page after "b"', messages(rest), ['a']);
      expectSame('how many replayAll() replays', await queue.replayAll(), 3);
      expectSame('how many are delivered again', (await bench.takeAll(3)).length, 3);
    },
  },
  {
    method: 'deadLetters',
    name: 'leaves no dead letter out when others go between two pages',
    check: async (queue, bench) => {
      for (const id of ['a', 'b', 'c', 'd']) await queue.add(sampleNotification({ id }));
      for (const delivery of await bench.takeAll(4)) {
        await queue.settle(delivery, dead(delivery.notification.id));
        await delay(5);
      }
      const [first, after] = await queue.deadLetters({ limit: 2 });
      expectThat('the first page of two has two dead letters', first !== undefined && after !== undefined);
      await queue.discard(first.id);
      const next = async (): Promise<string[]> => messages(await queue.deadLetters({ after, limit: 2 }));
      expectSame('the page after "c", when "d" is gone', await next(), ['b', 'a']);
      await queue.discard(after.id);
      expectSame('the page after "c", when "c" is gone, too', await next(), ['b', 'a']);
    },
  },
  {
    method: 'add',
    name: 'tries a dead letter again when its notification is sent again',
    check: async (queue, bench) => {
      const sent = sampleNotification();
      await queue.add(sent);
      await queue.settle(await bench.takeOne(), dead('no'));
      expectSame('add() of the id of a dead letter', await queue.add(sent), 'accepted');
      expectSame('its progress, which begins anew', (await bench.takeOne()).progress, {});
      expectSame('counts().dead after it', (await queue.counts()).dead, 0);
    },
  },
];

function messages(letters: readonly { readonly error: { readonly message: string } }[]): string[] {
  return letters.map(({ error }) => error.message);
}
