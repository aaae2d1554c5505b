import { Injectable } from '@nestjs/common';
import { Logger } from 'nestjs-pino';

/** Nest logs every module and route at start. At `info`, these lines would hide those of the connector. */
const WIRING = new Set([
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'NestFactory',
  'NestApplication',
]);

/** Nest's logger on pino, so that every line of the process has one format and one destination. */
@Injectable()
export class ConnectorLogger extends Logger {
  override log(message: unknown, ...rest: unknown[]): void {
    const context = rest.at(-1);
    if (typeof context === 'string' && WIRING.has(context)) this.debug(message, ...rest);
    else super.log(message, ...rest);
  }
}
