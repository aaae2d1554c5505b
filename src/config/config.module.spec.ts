import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Injectable, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { COMPLETE_ENVIRONMENT as complete } from '../../test/support/complete-environment.js';
import { ConfigModule } from './config.module.js';
import { ConnectorConfig } from './connector-config.js';
import { ConfigurationProblems } from './problems.js';
import { VARIABLE_NAMES, type Environment } from './variables.js';

@Injectable()
class Elsewhere {
  constructor(readonly config: ConnectorConfig) {}
}

@Module({ providers: [Elsewhere] })
class ElsewhereModule {}

async function configOf(environment?: Environment): Promise<ConnectorConfig> {
  const module = await Test.createTestingModule({
    imports: [ConfigModule.register(environment), ElsewhereModule],
  }).compile();
  return module.get(Elsewhere, { strict: false }).config;
}

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'connector-config-module-'));
  vi.spyOn(process, 'cwd').mockReturnValue(dir);
  for (const name of VARIABLE_NAMES) vi.stubEnv(name, undefined);
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(dir, { recursive: true });
});

function writeDotEnv(variables: Environment): void {
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  writeFileSync(join(dir, '.env'), lines.join('\n'));
}

describe('ConfigModule', () => {
  it('reads process.env, and no file .env that lies in the working directory', async () => {
    writeDotEnv({ FLUENT_BASE_URL: 'https://elsewhere.example.com' });
    for (const [name, value] of Object.entries(complete)) vi.stubEnv(name, value);
    expect((await configOf()).account('ACME')?.baseUrl).toBe('https://acme.sandbox.api.fluentretail.com');
  });

  it('reads nothing but the environment that it is given', async () => {
    vi.stubEnv('QUEUE_CONCURRENCY', '7');
    expect((await configOf(complete)).queue.concurrency).toBe(16);
  });

  it('stops the start when the configuration is wrong', async () => {
    await expect(configOf({ ...complete, PORT: 'x' })).rejects.toThrow(ConfigurationProblems);
  });
});
