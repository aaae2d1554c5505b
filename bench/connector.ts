import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** The built connector as a process of its own. */
export class Connector {
  private constructor(
    readonly url: string,
    private readonly child: ChildProcess,
  ) {}

  static async start(environment: Readonly<Record<string, string>>): Promise<Connector> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    const child = spawn(process.execPath, ['dist/main.js'], {
      env: {
        PATH: process.env['PATH'],
        NODE_ENV: 'production',
        HOST: '127.0.0.1',
        PORT: String(port),
        LOG_FORMAT: 'json',
        RECONCILE_INTERVAL: '0',
        ...environment,
      },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const connector = new Connector(`http://127.0.0.1:${port}`, child);
    const giveUpAt = Date.now() + 20_000;
    for (;;) {
      try {
        if ((await fetch(`${connector.url}/health/ready`)).ok) return connector;
      } catch (error) {
        if (child.exitCode !== null || Date.now() > giveUpAt) throw error;
      }
      await delay(20);
    }
  }

  get webhookUrl(): string {
    return `${this.url}/api/v1/fluent-connect/webhook`;
  }

  /** Resident memory, MB. */
  get residentMb(): number {
    const status = readFileSync(`/proc/${this.child.pid}/status`, 'utf8');
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024);
  }

  /** Sum of a metric over the label sets that contain all of `labels`. */
  async metric(name: string, ...labels: string[]): Promise<number> {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    return text
      .split('\n')
      .filter(
        (line) =>
          line.startsWith(`fluent_connector_${name}`) && labels.every((label) => line.includes(label)),
      )
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null) return;
    this.child.kill('SIGTERM');
    await once(this.child, 'exit');
  }
}
