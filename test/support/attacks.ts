import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** Where an attack goes, and what a stranger can know. */
export interface AttackTarget {
  readonly port: number;
  readonly webhookPath: string;
  /** A well-formed signature of another body: the best that a sender without the key has. */
  readonly signature: string;
}

/** Runs until the signal is aborted, and leaves no connection behind. */
export type Attack = (target: AttackTarget, signal: AbortSignal) => Promise<void>;

const MEGABYTE_OF_OBJECTS = `[${Array.from({ length: 75_000 }, (_, i) => `{"${i}":0}`).join(',')}]`;
const SOCKETS = 1200;
/** Faster, the attack would be a flood of connections, which the kernel answers and not the connector. */
const REOPEN_DELAY_MS = 1000;

/** Every attack of a sender without the key, by what it does. */
export const ATTACKS: Readonly<Record<string, Attack>> = {
  'megabytes of tiny JSON objects without a signature': (target, signal) =>
    perSecond(8, signal, () => post(target, '', MEGABYTE_OF_OBJECTS, signal)),
  'megabytes of tiny JSON objects with a forged signature': (target, signal) =>
    perSecond(8, signal, () => post(target, forged(target), MEGABYTE_OF_OBJECTS, signal)),
  'megabytes of tiny JSON objects to an unknown path': (target, signal) =>
    perSecond(8, signal, () =>
      post({ ...target, webhookPath: '/unknown' }, forged(target), MEGABYTE_OF_OBJECTS, signal),
    ),
  'bodies in chunks of one byte': (target, signal) =>
    perSecond(16, signal, async () => {
      const socket = await open(target, signal);
      socket?.write(`${head(target, forged(target))}Transfer-Encoding: chunked\r\n\r\n`);
      socket?.end('1\r\nx\r\n'.repeat(11_000));
    }),
  'silent connections': (target, signal) => holdSockets(target, signal, () => undefined),
  'idle connections after a health probe': (target, signal) =>
    holdSockets(target, signal, (socket) => socket.write('GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n')),
  'bodies that never end': (target, signal) =>
    holdSockets(target, signal, (socket) =>
      socket.write(`${head(target, forged(target))}Content-Length: 900000\r\n\r\n${'x'.repeat(8000)}`),
    ),
  'long URLs that look like route patterns': (target, signal) =>
    perSecond(500, signal, async () => {
      const socket = await open(target, signal);
      socket?.end(`GET /:a(${'(a+)+'.repeat(1600)} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    }),
  'requests with a thousand headers': (target, signal) =>
    perSecond(100, signal, async () => {
      const socket = await open(target, signal);
      const headers = Array.from({ length: 1000 }, (_, i) => `x${i}: 1\r\n`).join('');
      socket?.end(`${head(target, forged(target))}${headers}Connection: close\r\n\r\n`);
    }),
};

function forged({ signature }: AttackTarget): string {
  return `Fluent-Signature: ${signature}\r\n`;
}

function head({ webhookPath }: AttackTarget, headers: string): string {
  return `POST ${webhookPath} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n${headers}`;
}

async function post(target: AttackTarget, headers: string, body: string, signal: AbortSignal): Promise<void> {
  const socket = await open(target, signal);
  socket?.end(`${head(target, headers)}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

/** @returns undefined when the attack is over or the connection was refused. */
async function open({ port }: AttackTarget, signal: AbortSignal): Promise<Socket | undefined> {
  if (signal.aborted) return undefined;
  const socket = connect(port, '127.0.0.1');
  const close = (): void => void socket.destroy();
  signal.addEventListener('abort', close, { once: true });
  socket.on('error', close);
  socket.once('close', () => signal.removeEventListener('abort', close));
  socket.resume();
  await Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => undefined);
  return socket.destroyed ? undefined : socket;
}

async function perSecond(rate: number, signal: AbortSignal, send: () => Promise<void>): Promise<void> {
  const startedAt = performance.now();
  for (let sent = 0; !signal.aborted;) {
    const due = ((performance.now() - startedAt) * rate) / 1000;
    for (; sent < due; sent++) void send();
    await delay(5);
  }
}

/** Keeps many connections open; each one that the server closes is opened again. */
async function holdSockets(
  target: AttackTarget,
  signal: AbortSignal,
  use: (socket: Socket) => unknown,
): Promise<void> {
  const hold = async (): Promise<void> => {
    while (!signal.aborted) {
      const socket = await open(target, signal);
      if (socket) {
        use(socket);
        if (!socket.destroyed) await once(socket, 'close').catch(() => undefined);
      }
      await delay(REOPEN_DELAY_MS);
    }
  };
  await Promise.all(Array.from({ length: SOCKETS }, hold));
}
