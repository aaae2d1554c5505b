import { type IncomingHttpHeaders, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request as it arrived. */
export interface ReceivedRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Distinguishes connections. */
  readonly remotePort: number | undefined;
}

/** A function writes the response itself, or leaves it open. */
export type Reply =
  | { status?: number; headers?: Record<string, string>; json?: unknown; text?: string }
  | ((response: ServerResponse) => void);

/** A real HTTP server on a free port, closed by `await using`. */
export interface LocalServer extends AsyncDisposable {
  readonly url: string;
  readonly requests: ReceivedRequest[];
  /** May be replaced at any time. */
  respond: (request: ReceivedRequest) => Reply | Promise<Reply>;
}

export async function startLocalServer(respond: LocalServer['respond']): Promise<LocalServer> {
  const requests: ReceivedRequest[] = [];
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const request = {
        path: incoming.url ?? '',
        headers: incoming.headers,
        body: Buffer.concat(chunks).toString(),
        remotePort: incoming.socket.remotePort,
      };
      requests.push(request);
      Promise.resolve(local.respond(request)).then(
        (reply) => {
          if (typeof reply === 'function') return reply(response);
          const { status = 200, headers, json, text } = reply;
          response.writeHead(status, {
            'content-type': json === undefined ? 'text/html' : 'application/json',
            ...headers,
          });
          return response.end(json === undefined ? text : JSON.stringify(json));
        },
        (error: unknown) => response.destroy(error as Error),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const local: LocalServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    respond,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return local;
}
