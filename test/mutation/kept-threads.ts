import { type PoolOptions, type PoolWorker, ThreadsPoolWorker, type WorkerRequest } from 'vitest/node';

/** Each run leaves listeners in its thread. */
const MAX_RUNS = 50;
const NAME = 'kept-threads';

interface Thread {
  readonly worker: ThreadsPoolWorker;
  runs: number;
}

const idle: Thread[] = [];

/**
 * A thread that serves one run after another. Stryker starts one run for each mutant, and Vitest ends its
 * threads after each run. Most of the time would go into loading Nest and Apollo for the next thread.
 */
class KeptThread implements PoolWorker {
  readonly name = NAME;
  private readonly listeners = new Map<(message: unknown) => void, string>();
  private thread: Thread | undefined;

  constructor(private readonly options: PoolOptions) {}

  async start(): Promise<void> {
    this.thread = idle.pop() ?? { worker: new ThreadsPoolWorker(this.options), runs: 0 };
    this.thread.runs += 1;
    await this.thread.worker.start();
  }

  async stop(): Promise<void> {
    const { thread } = this;
    if (!thread) return;
    for (const [callback, event] of this.listeners) thread.worker.off(event, callback);
    if (thread.runs < MAX_RUNS) idle.push(thread);
    else await thread.worker.stop();
  }

  send(message: WorkerRequest): void {
    // The thread would close its channel.
    if (message.type !== 'stop') return this.thread?.worker.send(message);
    const stopped = { type: 'stopped', __vitest_worker_response__: true };
    for (const [callback, event] of this.listeners)
      if (event === 'message') queueMicrotask(() => callback(stopped));
  }

  on(event: string, callback: (message: unknown) => void): void {
    this.listeners.set(callback, event);
    this.thread?.worker.on(event, callback);
  }

  off(event: string, callback: (message: unknown) => void): void {
    this.listeners.delete(callback);
    this.thread?.worker.off(event, callback);
  }

  deserialize(data: unknown): unknown {
    return data;
  }
}

export const keptThreads = {
  name: NAME,
  createPoolWorker: (options: PoolOptions): PoolWorker => new KeptThread(options),
};
