import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BatchRecord, type JobDay, LoadState } from './load-state.js';

type Records = Record<string, BatchRecord>;
type Jobs = Record<string, string>;

const KEPT_JOBS = 100;

/**
 * Keeps records of loads in files of one folder, for one process at a time. It replaces files atomically, so
 * a crash leaves either the old or the new one.
 */
export class FileLoadState extends LoadState {
  /** Writes of one process follow each other. */
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly folder: string) {
    super();
  }

  async job(day: JobDay): Promise<string | undefined> {
    return (await this.read<Jobs>('jobs.json'))[jobKey(day)];
  }

  async setJob(day: JobDay, jobId: string, replacing?: string): Promise<string> {
    return this.inTurn(async () => {
      const jobs = await this.read<Jobs>('jobs.json');
      const current = jobs[jobKey(day)];
      if (current !== undefined && current !== replacing) return current;
      const kept = Object.entries(jobs).slice(1 - KEPT_JOBS);
      await this.write('jobs.json', { ...Object.fromEntries(kept), [jobKey(day)]: jobId });
      return jobId;
    });
  }

  async batch(loadId: string, batchKey: string): Promise<BatchRecord | undefined> {
    return (await this.read<Records>(fileOf(loadId)))[batchKey];
  }

  async setBatch(loadId: string, batchKey: string, record: BatchRecord): Promise<void> {
    await this.inTurn(async () => {
      const records = await this.read<Records>(fileOf(loadId));
      await this.write(fileOf(loadId), { ...records, [batchKey]: record });
    });
  }

  async forget(loadId: string): Promise<void> {
    await this.inTurn(() => rm(join(this.folder, fileOf(loadId)), { force: true }));
  }

  private async read<T extends object>(name: string): Promise<T> {
    let text: string;
    try {
      text = await readFile(join(this.folder, name), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {} as T;
      throw error;
    }
    return JSON.parse(text) as T;
  }

  private async write(name: string, content: object): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    const draft = join(this.folder, `${name}.${randomUUID()}`);
    await writeFile(draft, JSON.stringify(content), { mode: 0o600 });
    await rename(draft, join(this.folder, name));
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.last.then(work, work);
    this.last = done;
    return done;
  }
}

function jobKey({ accountId, retailerId, day }: JobDay): string {
  return JSON.stringify([accountId, retailerId, day]);
}

/** Load ids are free text. */
function fileOf(loadId: string): string {
  return `load-${createHash('sha256').update(loadId).digest('hex').slice(0, 32)}.json`;
}
