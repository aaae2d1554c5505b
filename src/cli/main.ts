#!/usr/bin/env node
import 'reflect-metadata';
import { run } from './run.js';

const interrupted = new AbortController();
// The first signal ends the work in order; Node's own handling of the second ends the process.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => interrupted.abort(new Error(`interrupted by ${signal}`)));
}
// The reader has seen enough, for example `head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});
process.exitCode = await run(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  signal: interrupted.signal,
});

// Services that could not start leave connections open, which would keep the process. A slow reader still gets everything.
setInterval(() => {
  if (process.stdout.writableLength + process.stderr.writableLength === 0) process.exit();
}, 100).unref();
