import { Injectable } from '@nestjs/common';
import { Logger } from 'nestjs-pino';

/** Nest tells of every module and route that it wires; at `info` that would bury the connector's own lines. */
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
