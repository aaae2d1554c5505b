import { Module } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { symbols } from 'pino';
import { vi } from 'vitest';
import { bootstrapConnector } from '../../src/bootstrap-connector.js';
import { ConnectorModule } from '../../src/connector.module.js';
import { shutDownGracefully } from '../../src/graceful-shutdown.js';
import { ManagementListener } from '../../src/http/index.js';
import { PinoLogger } from '../../src/logging/index.js';
import { type LogLine, RunningConnector } from './running-connector.js';
import { WAIT } from './wait.js';

/**
 * A connector in the process of the spec. Its start takes a sixth of the CPU time that a process takes. What a spec asserts of
 * signals, exit codes, memory, tracing or sudden death needs a process.
 */
export class InProcessConnector extends RunningConnector {
  private ended?: Promise<void>;

  private constructor(
    url: string,
    managementUrl: string,
    private readonly app: NestFastifyApplication,
  ) {
    super(url, managementUrl);
  }

  /**
   * Resolves when the connector is ready.
   *
   * @param environment its only source of variables.
   * @param onLine is given each line that any connector in this process logs from now on.
   */
  static async start(
    environment: Readonly<Record<string, string>>,
    onLine: (line: LogLine) => void,
  ): Promise<InProcessConnector> {
    const env = { HOST: '127.0.0.1', PORT: '0', LOG_FORMAT: 'json', SHUTDOWN_TIMEOUT: '5', ...environment };
    @Module({
      imports: [ConnectorModule.register({ env })],
      providers: [
        {
          provide: 'reader of the log',
          inject: [PinoLogger],
          // Before anything is logged.
          useFactory: () => readLog(environment['LOG_LEVEL'] ?? 'info', onLine),
        },
      ],
    })
    class LoggedConnector {}
    const app = await bootstrapConnector(LoggedConnector, { embedded: true });
    const url = await app.getUrl();
    const { port } = app.get(ManagementListener);
    const connector = new InProcessConnector(url, port === undefined ? url : `http://127.0.0.1:${port}`, app);
    await vi.waitFor(async () => {
      if ((await connector.status('/health/ready')) !== 200) throw new Error('the connector is not ready');
    }, WAIT);
    return connector;
  }

  /** Ends it in order, as SIGTERM ends a process. You can call it twice. */
  stop(): Promise<void> {
    return (this.ended ??= shutDownGracefully(this.app));
  }
}

/** nestjs-pino keeps one logger per process, which all connectors in it share. */
function readLog(level: string, onLine: (line: LogLine) => void): void {
  const write = (line: string): void => onLine(JSON.parse(line) as LogLine);
  Object.assign(PinoLogger.root, { [symbols.streamSym]: { write } });
  PinoLogger.root.level = level;
}
