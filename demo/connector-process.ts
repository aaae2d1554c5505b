import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

const START_TIMEOUT_MS = 20_000;

/** One line of the connector's log. */
export type LogLine = Readonly<Record<string, unknown>>;

/** The built connector as a process of its own, with its log as it comes. */
export class ConnectorProcess {
  private readonly latest: string[] = [];

  private constructor(
    readonly url: string,
    private readonly child: ChildProcess,
    onLine: (line: LogLine) => void,
  ) {
    for (const stream of [child.stdout, child.stderr]) {
      if (!stream) continue;
      createInterface(stream).on('line', (text) => {
        this.latest.push(text);
        if (this.latest.length > 20) this.latest.shift();
        const line = parse(text);
        if (line) onLine(line);
      });
    }
  }

  /** Resolves when the connector is ready. @throws Error with its last words when it is not. */
  static async start(
    environment: Readonly<Record<string, string>>,
    onLine: (line: LogLine) => void,
  ): Promise<ConnectorProcess> {
    const port = await freePort();
    const child = spawn(process.execPath, ['dist/main.js'], {
      // Nothing of the surrounding environment may change what the demo shows.
      env: {
        PATH: process.env['PATH'],
        HOST: '127.0.0.1',
        PORT: String(port),
        LOG_FORMAT: 'json',
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const connector = new ConnectorProcess(`http://127.0.0.1:${port}`, child, onLine);
    const giveUpAt = Date.now() + START_TIMEOUT_MS;
    while (!(await connector.isReady())) {
      if (child.exitCode !== null || Date.now() > giveUpAt) {
        child.kill('SIGKILL');
        throw new Error(`the connector did not start:\n${connector.latest.join('\n')}`);
      }
      await delay(50);
    }
    return connector;
  }

  get webhookUrl(): string {
    return `${this.url}/api/v1/fluent-connect/webhook`;
  }

  /** @returns its exit code. */
  async stop(): Promise<number | null> {
    if (this.child.exitCode !== null) return this.child.exitCode;
    this.child.kill('SIGTERM');
    const [code] = (await once(this.child, 'exit')) as [number | null];
    return code;
  }

  private async isReady(): Promise<boolean> {
    try {
      return (await fetch(`${this.url}/health/ready`)).ok;
    } catch {
      // Not listening yet.
      return false;
    }
  }
}

function parse(text: string): LogLine | undefined {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return undefined;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
