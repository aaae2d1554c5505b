import { isSought } from '../entity-search.js';
import type { EntitySearch, UnfinishedNotification, UnfinishedSearchResult } from '../message-queue.js';
import { JOB_PREFIX } from './keys.js';
import type { QueueScriptRunner } from './scripts.js';
import { unfinishedOf } from './stored-notification.js';

/** While a script looks at them, Redis does nothing else. */
const JOBS_EACH_PAGE = 500;
const MAX_FOUND = 100;
/** With the wait for the searches before it. */
const MAX_SEARCH_MS = 5000;

/** Searches the data of the unfinished jobs, page by page. Each process makes one search at a time. */
export class UnfinishedSearch {
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly scripts: Pick<QueueScriptRunner, 'run'>) {}

  find(search: EntitySearch): Promise<UnfinishedSearchResult> {
    const giveUpAt = performance.now() + MAX_SEARCH_MS;
    const result = this.last.then(() => this.search(search, giveUpAt));
    this.last = result.catch(() => undefined);
    return result;
  }

  private async search(search: EntitySearch, giveUpAt: number): Promise<UnfinishedSearchResult> {
    // The ends of `entityRef` and `rootEntityRef`, of `entityId` and `rootEntityId`. Nested fields may have the same names.
    const fields = [...fieldsOf('ntityRef', search.refs), ...fieldsOf('ntityId', search.ids)];
    const texts = JSON.stringify(fields);
    // A scan may return a job twice.
    const found = new Map<string, UnfinishedNotification>();
    let cursor = '0';
    while (performance.now() < giveUpAt && found.size < MAX_FOUND) {
      const args = { jobPrefix: JOB_PREFIX, cursor, jobs: JOBS_EACH_PAGE, mostFound: MAX_FOUND, texts };
      const [next, replies] = await this.scripts.run('findUnfinished', args);
      for (const reply of replies) {
        const unfinished = unfinishedOf(reply);
        if (isSought(unfinished.notification, search)) found.set(reply[0], unfinished);
      }
      if (next === '0') return { found: [...found.values()], isComplete: true };
      if (next === '') break;
      cursor = next;
    }
    return { found: [...found.values()], isComplete: false };
  }
}

/** @returns fields as they are in the data of a job, which is JSON without spaces. */
function fieldsOf(name: string, values: readonly string[]): string[] {
  return values.map((value) => `${name}":${JSON.stringify(value)}`);
}
