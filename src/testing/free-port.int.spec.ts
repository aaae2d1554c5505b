import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { freePort } from './free-port.js';

/** Asks in another process. */
async function freePortElsewhere(from: number): Promise<number> {
  const script = `import { freePort } from './src/testing/free-port.js'; console.log(await freePort(${from}));`;
  const args = ['--import', 'tsx', '--input-type=module', '--eval', script];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return Number(stdout);
}

it('returns each port once, below those that servers and connections get by chance', async () => {
  const ports = [await freePort(20_000), await freePort(20_000), await freePort(20_000)];
  expect(new Set(ports).size).toBe(3);
  expect(Math.max(...ports)).toBeLessThan(32_768);
});

it('passes over a port that another process was given and does not use yet', async () => {
  const port = await freePort();
  expect(await freePortElsewhere(port)).not.toBe(port);
});

it('passes over a port that somebody listens on', async () => {
  // The process that was given it has ended.
  const given = await freePortElsewhere(20_000);
  const server = createServer().listen(given, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  expect(await freePort(port)).not.toBe(port);
});

it('begins again at the lowest port after the highest', async () => {
  const highest = 32_767;
  await freePort(highest);
  expect(await freePort(highest)).toBeLessThan(highest);
});
