import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { fastify, type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BodyReader } from './body-reader.js';
import { IngressRoutes } from './ingress-routes.js';
import { registerJsonParser } from './json-body.js';

const LIMIT = 100_000;

describe('BodyReader', () => {
  let server: FastifyInstance;
  const sockets: Socket[] = [];

  beforeEach(async () => {
    server = fastify({ forceCloseConnections: true });
    registerJsonParser(server, new BodyReader(LIMIT, 2 * LIMIT), new IngressRoutes());
    server.post('/', ({ body }) => ({ length: JSON.stringify(body).length }));
    await server.listen({ host: '127.0.0.1', port: 0 });
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await server.close();
  });

  /** @returns a connection to the server; `answer` returns the response received so far. */
  async function connected(): Promise<{ socket: Socket; answer: () => string }> {
    const socket = connect((server.server.address() as AddressInfo).port, '127.0.0.1');
    sockets.push(socket);
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return { socket, answer: () => answer };
  }

  /** Sends the beginning of a body. */
  async function begin(length: number, sent: number): Promise<{ socket: Socket; answer: () => string }> {
    const connection = await connected();
    connection.socket.write(
      `POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`,
    );
    connection.socket.write(`"${'x'.repeat(sent - 1)}`);
    return connection;
  }

  it('closes the largest unfinished body when all together exceed the limit, and lets the others finish', async () => {
    const largest = await begin(99_000, 98_000);
    const middle = await begin(90_000, 80_000);
    const last = await begin(50_000, 40_000);
    await vi.waitFor(() => expect(largest.answer()).toMatch(/^HTTP\/1.1 503 [^]*retry-after: 5\r\n/), 5000);
    await vi.waitFor(() => expect(largest.socket.closed).toBe(true), 5000);
    middle.socket.write(`${'x'.repeat(9_999)}"`);
    last.socket.write(`${'x'.repeat(9_999)}"`);
    await vi.waitFor(() => expect(middle.answer()).toContain('{"length":90000}'), 5000);
    await vi.waitFor(() => expect(last.answer()).toContain('{"length":50000}'), 5000);
  });

  it('stops counting a body that has ended or was aborted', async () => {
    for (let i = 0; i < 10; i++) {
      const whole = await begin(90_000, 89_999);
      whole.socket.write('"');
      await vi.waitFor(() => expect(whole.answer()).toContain('{"length":90000}'), 5000);
      const broken = await begin(90_000, 80_000);
      broken.socket.destroy();
    }
    const one = await begin(99_000, 98_999);
    one.socket.write('"');
    await vi.waitFor(() => expect(one.answer()).toContain('{"length":99000}'), 5000);
  });

  it('refuses a body that arrives in tiny chunks, and accepts the same body in large ones', async () => {
    const send = async (chunkBytes: number): Promise<() => string> => {
      const { socket, answer } = await connected();
      const body = `"${'x'.repeat(19_998)}"`;
      const chunks = body.match(new RegExp(`.{1,${chunkBytes}}`, 'g')) ?? [];
      const framed = chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('');
      socket.write(
        'POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n' +
          `${framed}0\r\n\r\n`,
      );
      return answer;
    };
    const tiny = await send(1);
    await vi.waitFor(() => expect(tiny()).toMatch(/^HTTP\/1.1 400 /), 5000);
    const large = await send(5000);
    await vi.waitFor(() => expect(large()).toContain('{"length":20000}'), 5000);
  });

  it('refuses a body without a length when it grows over the limit', async () => {
    const socket = connect((server.server.address() as AddressInfo).port, '127.0.0.1');
    sockets.push(socket);
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.on('error', () => undefined);
    const chunk = 'x'.repeat(LIMIT);
    socket.write(
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n' +
        `${(LIMIT + 1).toString(16)}\r\n"${chunk}`,
    );
    await vi.waitFor(() => expect(answer).toMatch(/^HTTP\/1.1 413 /), 5000);
  });
});
