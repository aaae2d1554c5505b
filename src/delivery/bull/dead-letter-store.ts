import type { Queue } from 'bull';
import type { DeadLetter, DeadLetterPage } from '../message-queue.js';
import { JOB_PREFIX, laneOf } from './keys.js';
import type { QueueScriptRunner } from './scripts.js';
import { deadLetterOf, type StoredNotification } from './stored-notification.js';

const PAGE_SIZE = 50;

/** The dead letters, which are Bull's failed jobs. */
export class DeadLetterStore {
  constructor(
    private readonly queue: Queue<StoredNotification>,
    private readonly failFast: QueueScriptRunner,
    private readonly reconnecting: QueueScriptRunner,
  ) {}

  async page({ after, limit = PAGE_SIZE }: DeadLetterPage): Promise<readonly DeadLetter[]> {
    const idsAndScores = await this.failFast.run('deadLetters', {
      afterMs: after?.diedAt.getTime() ?? 0,
      afterId: after?.id ?? '',
      limit,
    });
    const letters = await Promise.all(
      pairs(idsAndScores).map(async ([id, score]) => {
        const job = await this.queue.getJob(id);
        // The next page begins at this score.
        return job && deadLetterOf(id, job.data, Number(score));
      }),
    );
    return letters.filter((letter) => letter !== null);
  }

  async find(id: string): Promise<DeadLetter | undefined> {
    const job = await this.queue.getJob(id);
    return job && (await job.isFailed()) ? deadLetterOf(id, job.data, job.finishedOn ?? 0) : undefined;
  }

  /** @returns false if there is no such dead letter. */
  async replay(id: string): Promise<boolean> {
    const job = await this.queue.getJob(id);
    if (!job) return false;
    const { progress: _progress, ...fresh } = job.data;
    const lane = laneOf(fresh.notification, true);
    const args = { jobPrefix: JOB_PREFIX, id, data: JSON.stringify(fresh), lane };
    return (await this.reconnecting.run('replay', args)) === 1;
  }

  /** @returns false if there is no such dead letter. */
  async discard(id: string): Promise<boolean> {
    return (await this.reconnecting.run('discard', { jobPrefix: JOB_PREFIX, id })) === 1;
  }
}

/** @returns the texts in pairs, as Redis sends members with their scores. */
function pairs(texts: readonly string[]): [string, string][] {
  return Array.from({ length: texts.length / 2 }, (_, index) => [texts[2 * index]!, texts[2 * index + 1]!]);
}
