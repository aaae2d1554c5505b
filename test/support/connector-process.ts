import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../src/testing/free-port.js';
import { BASE_ENVIRONMENT, buildPath } from './build-path.js';
import { listens } from './listening-process.js';
import { type LogLine, RunningConnector } from './running-connector.js';

const START_TIMEOUT_MS = 60_000;
const LAST_WORDS = 20;
const CLOCK_TICKS_PER_SECOND = 100;

/** How to start it when it is not the build in the working directory. */
export interface Launch {
  readonly command: readonly [string, ...string[]];
  readonly cwd: string;
}

/** The build, file by file, as it is shipped. */
export const BUILD: Launch = { command: [process.execPath, 'dist/main.js'], cwd: process.cwd() };

/** In specs a bundle of the build, which starts with half of the CPU time; see `bundle-connector.ts`. */
const DEFAULT: Launch = { ...BUILD, command: [process.execPath, buildPath('main.js')] };

/** The built connector as a process of its own: nothing of the surrounding environment reaches it. */
export class ConnectorProcess extends RunningConnector {
  private readonly lastWords: string[] = [];
  private readonly exited: Promise<number | null>;

  private constructor(
    url: string,
    managementUrl: string,
    private readonly child: ChildProcess,
    onLine?: (line: LogLine) => void,
  ) {
    super(url, managementUrl);
    this.exited = once(child, 'exit').then(([code]) => code as number | null);
    for (const stream of [child.stdout, child.stderr]) {
      if (!stream) continue;
      createInterface(stream).on('line', (text) => {
        this.lastWords.push(text);
        if (this.lastWords.length > LAST_WORDS) this.lastWords.shift();
        // Benchmarks run beside this process, and most do not need the lines.
        const line = onLine && parse(text);
        if (line) onLine(line);
      });
    }
  }

  /**
   * Resolves when the connector is ready.
   *
   * @param onLine is given each line of its log.
   * @param launch {@link DEFAULT} by default.
   * @throws Error with its last words when it does not get ready.
   */
  static async start(
    environment: Readonly<Record<string, string>>,
    onLine?: (line: LogLine) => void,
    launch: Launch = DEFAULT,
  ): Promise<ConnectorProcess> {
    const connector = await ConnectorProcess.launch(environment, onLine, launch);
    await connector.untilReady();
    return connector;
  }

  /**
   * Starts the process and does not wait until it is ready.
   *
   * @param launch {@link DEFAULT} by default.
   */
  static async launch(
    environment: Readonly<Record<string, string>>,
    onLine?: (line: LogLine) => void,
    launch: Launch = DEFAULT,
  ): Promise<ConnectorProcess> {
    const port = environment['PORT'] ?? String(await freePort());
    const [program, ...args] = launch.command;
    const child = spawn(program, args, {
      cwd: launch.cwd,
      env: {
        ...BASE_ENVIRONMENT,
        HOST: '127.0.0.1',
        PORT: port,
        LOG_FORMAT: 'json',
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new ConnectorProcess(
      `http://127.0.0.1:${port}`,
      `http://127.0.0.1:${environment['MANAGEMENT_PORT'] ?? port}`,
      child,
      onLine,
    );
  }

  private async untilReady(): Promise<void> {
    const giveUpAt = Date.now() + START_TIMEOUT_MS;
    // Another server may have the port, and answer 200 before this process has loaded its code.
    while ((await this.status('/health/ready')) !== 200 || !listens(this.pid, this.managementUrl)) {
      if (this.child.exitCode !== null || Date.now() > giveUpAt) {
        this.child.kill('SIGKILL');
        throw new Error(`the connector did not start:\n${this.lastWords.join('\n')}`);
      }
      await delay(30);
    }
  }

  get pid(): number {
    return this.child.pid ?? Number.NaN;
  }

  /** Resident memory, MB (Linux only). */
  get residentMb(): number {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024);
  }

  /** The last lines that it wrote, of its log and beside it. */
  get output(): string {
    return this.lastWords.join('\n');
  }

  /** CPU time so far, user and system (Linux only). */
  get cpuSeconds(): number {
    const fields = readFileSync(`/proc/${this.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND;
  }

  /** Asks it to end. @returns its exit code. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.child.exitCode === null) this.child.kill(signal);
    return this.exited;
  }

  /** Resolves with its exit code when it has ended by itself, or by a signal of somebody else. */
  exitCode(): Promise<number | null> {
    return this.exited;
  }

  /** Ends it like a power cut. */
  async kill(): Promise<void> {
    await this.stop('SIGKILL');
  }
}

function parse(text: string): LogLine | undefined {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return undefined;
  }
}
