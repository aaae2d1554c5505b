import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';

/**
 * The listener of `MANAGEMENT_PORT`: health, metrics and everything else below the management paths. It stays open
 * while the connector drains, so that probes and scrapes see the end.
 */
@Injectable()
export class ManagementListener implements OnApplicationShutdown {
  private server?: Server;

  /** The port, or undefined while management shares the public listener. */
  get port(): number | undefined {
    return (this.server?.address() as AddressInfo | null | undefined)?.port;
  }

  /** @throws the error of `listen` when the address cannot be used. */
  async listen(server: Server, host: string, port: number): Promise<void> {
    server.listen({ host, port });
    await once(server, 'listening');
    this.server = server;
  }

  async onApplicationShutdown(): Promise<void> {
    const { server } = this;
    if (!server?.listening) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  }
}
