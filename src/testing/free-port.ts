import { type Socket, createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the ports that Linux, macOS and Windows give to outgoing connections and to servers that ask for any port. */
const FIRST_PORT = 10_240;
const LAST_PORT = 32_767;
const PORTS = LAST_PORT - FIRST_PORT + 1;
/** Held until this process ends, so that no other process gets the same ports. */
const claims: Socket[] = [];

/**
 * Finds a TCP port of 127.0.0.1 for a server that starts later, possibly in another process. Each port is returned once on
 * this machine while the calling process lives.
 *
 * @param from where to begin to look; a random port by default.
 * @throws Error when no port between 10240 and 32767 is left.
 */
export async function freePort(from = FIRST_PORT + Math.floor(Math.random() * PORTS)): Promise<number> {
  for (let step = 0; step < PORTS; step += 1) {
    const port = FIRST_PORT + ((from - FIRST_PORT + step) % PORTS);
    if ((await claim(port)) && (await isUnused(port))) return port;
  }
  throw new Error(`no port between ${FIRST_PORT} and ${LAST_PORT} is free`);
}

/** Claims a TCP port by holding the UDP port of the same number. The system gives it up when the process ends. */
async function claim(port: number): Promise<boolean> {
  const socket = createSocket('udp4');
  try {
    const bound = once(socket, 'listening');
    socket.bind({ port, address: '127.0.0.1', exclusive: true });
    await bound;
  } catch {
    socket.close();
    return false;
  }
  socket.unref();
  claims.push(socket);
  return true;
}

async function isUnused(port: number): Promise<boolean> {
  const server = createServer();
  try {
    const listening = once(server, 'listening');
    server.listen({ port, host: '127.0.0.1', exclusive: true });
    await listening;
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
