import { EventEmitter, once } from 'node:events';
import type { Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ConnectorMetrics } from '../metrics/index.js';
import { ConnectionLimiter, clientOf, type ConnectionLimits } from './connection-limiter.js';
import { createHttpServer } from './http-server.js';
import type { LimitedLog } from './limited-log.js';

describe('ConnectionLimiter', () => {
  let metrics: ConnectorMetrics;
  let limiter: ConnectionLimiter;
  let server: Server | undefined;
  const sockets: Socket[] = [];

  beforeEach(() => {
    metrics = new ConnectorMetrics();
    limiter = new ConnectionLimiter(metrics, { write: () => undefined } as unknown as LimitedLog);
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    server?.closeAllConnections();
    server?.close();
    if (server?.listening) await once(server, 'close');
  });

  /** A server on which `GET /genuine` counts as authenticated. It answers `GET /slow`, which does so too, after `untilAnswer`. */
  async function listen(limits: Partial<ConnectionLimits>, untilAnswer?: Promise<void>): Promise<void> {
    server = createHttpServer((request, response) => {
      const isSlow = request.url === '/slow';
      if (isSlow || request.url === '/genuine') limiter.trust(request.socket);
      if (isSlow) void untilAnswer?.then(() => response.end('hello'));
      else response.end('hello');
    });
    limiter.attach(server, { maxConnections: 100, maxConnectionsPerAddress: 100, ...limits });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }

  async function open(localAddress = '127.0.0.1'): Promise<Socket> {
    const { port } = server!.address() as AddressInfo;
    const socket = connect({ port, host: '127.0.0.1', localAddress });
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.resume();
    await once(socket, 'connect');
    return socket;
  }

  async function get(socket: Socket, path: string, headers = ''): Promise<string> {
    socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n${headers}\r\n`);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1.1 200 /);
    return answer.toString();
  }

  async function dropped(reason: string): Promise<number> {
    const { values } = await metrics.connectionsDropped.get();
    return values.find(({ labels }) => labels.reason === reason)?.value ?? Number.NaN;
  }

  it('closes the oldest connection without an authenticated request in favour of a new one', async () => {
    await listen({ maxConnections: 3 });
    const genuine = await open();
    await get(genuine, '/genuine');
    const silent = await open();
    const answered = await open();
    await get(answered, '/');

    await get(await open(), '/');
    await vi.waitFor(() => expect(silent.closed).toBe(true), 5000);
    await get(await open(), '/');
    await vi.waitFor(() => expect(answered.closed).toBe(true), 5000);
    await get(genuine, '/');
    expect(await dropped('evicted')).toBe(2);
  });

  it('refuses a new connection when every other one is authenticated', async () => {
    await listen({ maxConnections: 2 });
    const genuine = [await open(), await open()];
    for (const socket of genuine) await get(socket, '/genuine');
    const late = await open();
    await vi.waitFor(() => expect(late.closed).toBe(true), 5000);
    for (const socket of genuine) await get(socket, '/');
    expect(await dropped('limit')).toBe(1);
  });

  it('limits the connections of one address without a loss for others', async () => {
    await listen({ maxConnectionsPerAddress: 2 });
    const other = await open('127.0.0.2');
    const flood = [await open(), await open(), await open(), await open()];
    await vi.waitFor(
      () => expect(flood.map(({ closed }) => closed)).toEqual([true, true, false, false]),
      5000,
    );
    await get(other, '/');
  });

  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:db8::9', '2001:db8:0:0::/64'],
    ['1::3:4:5:6:7:8', '1:0:3:4::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
  ])('takes %s for the client %s', (address, client) => {
    expect(clientOf(address)).toBe(client);
  });

  it('limits all addresses of one IPv6 network together', () => {
    const connections = new EventEmitter();
    limiter.attach(connections as Server, { maxConnectionsPerAddress: 2 });
    const from = (remoteAddress: string): EventEmitter & { isClosed: boolean } => {
      const socket = Object.assign(new EventEmitter(), {
        remoteAddress,
        isClosed: false,
        setTimeout: () => undefined,
        destroy: () => (socket.isClosed = true),
      });
      connections.emit('connection', socket);
      return socket;
    };
    const opened = ['2001:db8::1', '2001:db8:0:1::1', '2001:db8::2', '2001:db8::3'].map(from);
    expect(opened.map(({ isClosed }) => isClosed)).toEqual([true, false, false, false]);
  });

  it('counts what Node closes as its last resort', async () => {
    await listen({});
    server!.maxConnections = 1;
    await get(await open(), '/genuine');
    await open();
    await vi.waitFor(async () => expect(await dropped('limit')).toBe(1), 5000);
  });

  it('tells a client how long its idle connection stays open', async () => {
    await listen({});
    const socket = await open();
    expect(await get(socket, '/')).toMatch(/\r\nconnection: keep-alive\r\nkeep-alive: timeout=4\r\n/i);
    expect(await get(socket, '/genuine')).toMatch(
      /\r\nconnection: keep-alive\r\nkeep-alive: timeout=72\r\n/i,
    );
    expect(await get(socket, '/')).toMatch(/\r\nconnection: keep-alive\r\nkeep-alive: timeout=72\r\n/i);
    const closing = await get(await open(), '/', 'Connection: close\r\n');
    expect(closing).toMatch(/\r\nconnection: close\r\n/i);
    expect(closing).not.toMatch(/keep-alive/i);
  });

  it('closes idle connections early until a request on them was authenticated', async () => {
    await listen({ idleTimeoutMs: 200 });
    const [silent, stranger, genuine] = [await open(), await open(), await open()];
    await get(stranger, '/');
    await get(genuine, '/genuine');
    await vi.waitFor(() => expect([silent.closed, stranger.closed]).toEqual([true, true]), 5000);
    await get(genuine, '/');
  });

  it('never closes a connection while an authenticated request is answered', async () => {
    let answer = (): void => undefined;
    await listen({ idleTimeoutMs: 200 }, new Promise((resolve) => (answer = resolve)));
    const slow = await open();
    const answered = get(slow, '/slow');
    const silent = await open();
    // It was opened later, so the time of the slow one is over, too.
    await vi.waitFor(() => expect(silent.closed).toBe(true), 5000);
    expect(slow.closed).toBe(false);
    answer();
    await answered;
  });

  it('starts its time series at 0, so that the first increase is visible', async () => {
    expect([await dropped('evicted'), await dropped('limit')]).toEqual([0, 0]);
  });
});
