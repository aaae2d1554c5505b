import { createServer, type RequestListener, type Server } from 'node:http';

/** A body is small: a client that needs longer is broken or malicious. */
const REQUEST_TIMEOUT_MS = 15_000;
const HEADERS_TIMEOUT_MS = 10_000;
/** Longer than the 60 s after which most load balancers close an idle connection, so that they close it first. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000;
/** Node's last resort; the connection limiter acts far below it. */
const MAX_CONNECTIONS = 4096;

/** Creates a server with the time-outs of the connector. A client that expects `100 Continue` is admitted first. */
export function createHttpServer(listener: RequestListener): Server {
  const server = createServer(
    {
      requestTimeout: REQUEST_TIMEOUT_MS,
      headersTimeout: HEADERS_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      connectionsCheckingInterval: REQUEST_TIMEOUT_MS / 3,
    },
    listener,
  );
  server.on('checkContinue', listener);
  server.maxConnections = MAX_CONNECTIONS;
  return server;
}
