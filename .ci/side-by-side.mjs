// Runs scripts of package.json at the same time, and prints what each wrote when it has ended:
// node .ci/side-by-side.mjs lint typecheck
// As many at once as there are cores, and one more, because most of them wait now and then. They begin in this order.
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';

// The type checker of the linter is a Go program: it takes a fifth less CPU time when it collects its garbage less often.
const env = { GOGC: '400', ...process.env };

function run(script) {
  return new Promise((resolve, reject) => {
    const child = spawn('npm', ['run', script], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: process.platform === 'win32',
    });
    const output = [];
    child.stdout.on('data', (chunk) => output.push(chunk));
    child.stderr.on('data', (chunk) => output.push(chunk));
    child.once('error', reject);
    child.once('close', (code) => {
      process.stdout.write(Buffer.concat(output));
      resolve(code === 0);
    });
  });
}

const waiting = process.argv.slice(2);
const failed = [];

async function runWaiting() {
  for (let script = waiting.shift(); script !== undefined; script = waiting.shift()) {
    if (!(await run(script))) failed.push(script);
  }
}

await Promise.all(Array.from({ length: availableParallelism() + 1 }, runWaiting));
if (failed.length > 0) {
  console.error(`failed: ${failed.join(', ')}`);
  process.exitCode = 1;
}
