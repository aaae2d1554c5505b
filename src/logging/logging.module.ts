import { Global, Module, type OnModuleInit } from '@nestjs/common';
import { LoggerModule, PinoLogger } from 'nestjs-pino';
import pretty from 'pino-pretty';
import { ConnectorConfig } from '../config/index.js';
import { ConnectorLogger } from './connector-logger.js';
import { lineOutput } from './line-output.js';
import { loggerOptions } from './logger-options.js';

/** One pino logger for the process. */
@Global()
@Module({
  imports: [
    LoggerModule.forRootAsync({
      inject: [ConnectorConfig],
      useFactory: ({ logging }: ConnectorConfig) => ({
        pinoHttp:
          logging.format === 'pretty'
            ? [loggerOptions(logging), pretty({ sync: true, ignore: 'pid,hostname' })]
            : [loggerOptions(logging), lineOutput(logging.fileDescriptor ?? 1)],
        // A line, or even a child logger, for each request would cost more than the rest of the ingress.
        forRoutes: [],
      }),
    }),
  ],
  providers: [ConnectorLogger],
  exports: [ConnectorLogger, LoggerModule],
})
export class LoggingModule implements OnModuleInit {
  constructor(private readonly config: ConnectorConfig) {}

  /** nestjs-pino keeps one root per process: a second connector in it (tests) sets its own level. */
  onModuleInit(): void {
    PinoLogger.root.level = this.config.logging.level;
  }
}
