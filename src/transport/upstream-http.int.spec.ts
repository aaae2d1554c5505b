import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { literalConfig } from '../../test/support/literal-config.js';
import { startLocalServer } from '../../test/support/local-server.js';
import { CallTimeoutError, UpstreamHttp } from './upstream-http.js';

const TIMEOUT_MS = 150;
/** For calls that are to succeed, however slow the machine is. */
const AMPLE_MS = 60_000;

describe('UpstreamHttp', () => {
  const opened: UpstreamHttp[] = [];
  const open = (httpClientTimeoutMs = AMPLE_MS) => {
    const http = new UpstreamHttp(literalConfig({ httpClientTimeoutMs }));
    opened.push(http);
    return http;
  };
  afterEach(() => Promise.all(opened.splice(0).map((http) => http.onApplicationShutdown())));

  it('sends method, headers, body and a user agent with name and version, and reads the answer', async () => {
    await using server = await startLocalServer(() => ({
      status: 418,
      headers: { 'x-a': 'b' },
      text: 'tea',
    }));
    const answer = await open().fetch(server.url, { method: 'POST', headers: { 'x-in': '1' }, body: 'in' });
    expect([answer.status, answer.headers.get('X-A'), answer.headers.get('none')]).toEqual([418, 'b', null]);
    await expect(answer.text()).resolves.toBe('tea');
    expect(server.requests[0]).toMatchObject({
      body: 'in',
      headers: {
        'x-in': '1',
        'user-agent': expect.stringMatching(/^fluent-commercetools-connector\/\d+\.\d+\.\d+/),
      },
    });
  });

  it('keeps connections alive', async () => {
    await using server = await startLocalServer(() => ({ text: '' }));
    const http = open();
    for (let calls = 0; calls < 10; calls++) await http.fetch(server.url, {});
    expect(new Set(server.requests.map(({ remotePort }) => remotePort)).size).toBeLessThanOrEqual(2);
  });

  it('reads a character whose bytes arrive apart', async () => {
    const bytes = Buffer.from('{"ref":"Ö_1"}');
    const middle = bytes.indexOf(0xc3) + 1;
    await using server = await startLocalServer(() => (response) => {
      response.write(bytes.subarray(0, middle), () =>
        setImmediate(() => response.end(bytes.subarray(middle))),
      );
    });
    expect(await (await open().fetch(server.url, {})).text()).toBe('{"ref":"Ö_1"}');
  });

  it('does not follow redirects', async () => {
    await using server = await startLocalServer(() => ({ status: 302, headers: { location: '/else' } }));
    expect((await open().fetch(server.url, {})).status).toBe(302);
    expect(server.requests).toHaveLength(1);
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ['never answers', () => undefined],
    ['sends headers and no body', (response) => response.writeHead(200).flushHeaders()],
    [
      'trickles its body',
      (response) => {
        const timer = setInterval(() => response.write('x'), 20);
        response.on('close', () => clearInterval(timer));
      },
    ],
  ])('times out when the server %s', async (_name, respond) => {
    await using server = await startLocalServer(() => respond);
    await expect(open(TIMEOUT_MS).fetch(server.url, {})).rejects.toThrow(CallTimeoutError);
  });

  it("ends with the signal's reason, before and during a call", async () => {
    await using server = await startLocalServer(() => () => abort.abort(reason));
    const abort = new AbortController();
    const reason = new Error('shutting down');
    const http = open();
    await expect(http.fetch(server.url, { signal: abort.signal })).rejects.toBe(reason);
    await expect(http.fetch(server.url, { signal: abort.signal })).rejects.toBe(reason);
    expect(server.requests).toHaveLength(1);
  });

  it('cuts off an answer that does not end', async () => {
    await using server = await startLocalServer(() => (response) => {
      const chunk = Buffer.alloc(1024 * 1024);
      const write = () => {
        while (!response.destroyed && response.write(chunk));
      };
      response.on('drain', write);
      write();
    });
    await expect(open().fetch(server.url, {})).rejects.toMatchObject({
      code: 'UND_ERR_RES_EXCEEDED_MAX_SIZE',
    });
  });
});
