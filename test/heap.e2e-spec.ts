import { expect } from 'vitest';
import { buildPath } from './support/build-path.js';
import { COMPLETE_ENVIRONMENT } from './support/complete-environment.js';
import { ConnectorProcess } from './support/connector-process.js';
import { it } from './support/harness.js';

it('collects the garbage of the start before it serves, so that V8 knows how large the heap has to be', async ({
  redis,
}) => {
  const connector = await ConnectorProcess.start(
    { ...COMPLETE_ENVIRONMENT, REDIS_URL: redis.url, LOG_LEVEL: 'silent' },
    undefined,
    { command: [process.execPath, '--trace-gc', buildPath('main.js')], cwd: process.cwd() },
  );
  try {
    expect(connector.output).toMatch(/Mark-Compact .*testing/);
  } finally {
    await connector.stop();
  }
});
