import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';

const MAX_LINES_PER_SECOND = 20;
/** Characters per field. The connector's own texts are shorter; the longest is a list of violations. */
const MAX_FIELD_LENGTH = 512;

/**
 * The log for everything that an unauthenticated client can cause. All such lines share one limit per second, and
 * every field has a limit, so that unknown senders cannot fill the disk or hide important lines.
 */
@Injectable()
export class LimitedLog implements OnModuleDestroy {
  private lines = 0;
  private suppressed = 0;
  private endOfSecond: NodeJS.Timeout | undefined;

  constructor(private readonly logger: PinoLogger) {
    logger.setContext('Http');
  }

  /** @param fields strings are shortened; an `err` is logged with its stack. */
  write(level: 'warn' | 'error', fields: Readonly<Record<string, unknown>>, message: string): void {
    this.endOfSecond ??= setTimeout(() => this.endSecond(), 1000).unref();
    if (this.lines >= MAX_LINES_PER_SECOND) {
      this.suppressed++;
      return;
    }
    this.lines++;
    const shortened = Object.entries(fields).map(([name, value]) => [name, shorten(value)]);
    this.logger[level](Object.fromEntries(shortened) as Record<string, unknown>, shorten(message) as string);
  }

  onModuleDestroy(): void {
    clearTimeout(this.endOfSecond);
    this.endSecond();
  }

  private endSecond(): void {
    if (this.suppressed > 0) {
      this.logger.warn(
        { suppressed: this.suppressed },
        `suppressed log lines about requests: more than ${MAX_LINES_PER_SECOND} in one second`,
      );
    }
    this.lines = 0;
    this.suppressed = 0;
    this.endOfSecond = undefined;
  }
}

function shorten(value: unknown): unknown {
  return typeof value === 'string' ? value.slice(0, MAX_FIELD_LENGTH) : value;
}
