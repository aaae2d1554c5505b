import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A process of the benchmark that answers messages: one request at a time. */
export class Child {
  private constructor(readonly process: ChildProcess) {}

  /** @param script beside this file; it sends its first message when it is ready, which is returned. */
  static async start<T>(
    script: string,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<{ child: Child; ready: T }> {
    const child = new Child(
      fork(fileURLToPath(new URL(script, import.meta.url)), [], {
        env: { PATH: process.env['PATH'] ?? '', ...environment },
        execArgv: script.endsWith('.ts') ? ['--import', 'tsx'] : [],
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      }),
    );
    return { child, ready: await child.message<T>() };
  }

  async ask<T>(question: object): Promise<T> {
    this.process.send(question);
    return this.message<T>();
  }

  async stop(): Promise<void> {
    if (this.process.exitCode !== null) return;
    this.process.kill('SIGTERM');
    await once(this.process, 'exit');
  }

  private async message<T>(): Promise<T> {
    const answered = new AbortController();
    const { signal } = answered;
    const failed = once(this.process, 'exit', { signal }).then(([code]) => {
      throw new Error(`${this.process.spawnargs.at(-1)} ended with ${code}`);
    });
    try {
      const [answer] = (await Promise.race([once(this.process, 'message', { signal }), failed])) as [T];
      return answer;
    } finally {
      failed.catch(() => undefined);
      answered.abort();
    }
  }
}
