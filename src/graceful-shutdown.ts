import type { Server } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { ConnectorConfig } from './config/index.js';
import { Readiness } from './health/index.js';
import { PinoLogger } from './logging/index.js';
import { DeliveryWorker } from './delivery/index.js';

/** A request that has not ended by then is of a client that hangs. */
const LISTENER_CLOSE_TIMEOUT_MS = 5000;
const IDLE_CHECK_MS = 50;

/**
 * Ends a connector without losing anything: traffic moves away, the listener closes, running notifications
 * end or are handed back, connections close.
 */
export async function shutDownGracefully(app: NestFastifyApplication): Promise<void> {
  const { drainDelaySeconds, shutdownTimeoutSeconds } = app.get(ConnectorConfig).server;
  const server: Server = app.getHttpServer();
  PinoLogger.root.info({ drainDelaySeconds, shutdownTimeoutSeconds }, 'shutting down');

  app.get(Readiness).startDraining();
  // Clients that keep their connection would never notice that traffic should go elsewhere.
  server.prependListener('request', (_request, response) => {
    response.shouldKeepAlive = false;
  });
  await delay(drainDelaySeconds * 1000);

  const deadline = performance.now() + shutdownTimeoutSeconds * 1000;
  const left = (): number => Math.max(deadline - performance.now(), 0);
  await closeListener(server, Math.min(LISTENER_CLOSE_TIMEOUT_MS, left()));
  await app.get(DeliveryWorker).drain(left());
  await app.close();
  PinoLogger.root.info('stopped');
}

/** Running requests end; connections without one are closed. */
async function closeListener(server: Server, timeoutMs: number): Promise<void> {
  const idleCheck = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
  const hanging = setTimeout(() => server.closeAllConnections(), timeoutMs);
  try {
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
  } finally {
    clearInterval(idleCheck);
    clearTimeout(hanging);
  }
}
