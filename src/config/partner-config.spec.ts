import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Test } from '@nestjs/testing';
import { Type } from 'class-transformer';
import { IsIn, IsInt, IsOptional, IsString, Length, Matches } from 'class-validator';
import { describe, expect, it } from 'vitest';
import { COMPLETE_ENVIRONMENT } from '../../test/support/complete-environment.js';
import { ConfigModule } from './config.module.js';

class Settings {
  @IsIn(['red', 'blue'])
  COLOUR!: string;

  @Type(() => Number)
  @IsInt()
  LIMIT = 7;

  @IsOptional()
  @Matches(/^[A-Z]{2}$/, { message: 'must be a code of two letters' })
  COUNTRY?: string;

  @IsOptional()
  @IsString()
  @Length(16, 64)
  CARRIER_TOKEN?: string;
}

const settingsFrom = async (environment: Record<string, string>): Promise<Settings> => {
  const imports = [
    ConfigModule.register({ ...COMPLETE_ENVIRONMENT, ...environment }, { partnerConfig: Settings }),
  ];
  return (await Test.createTestingModule({ imports }).compile()).get(Settings, { strict: false });
};

describe("a partner's configuration", () => {
  it('is read from the environment, with defaults and types', async () => {
    const settings = await settingsFrom({ COLOUR: ' red ', LIMIT: '12' });
    expect(settings).toBeInstanceOf(Settings);
    expect(settings).toEqual({ COLOUR: 'red', LIMIT: 12 });
    expect(await settingsFrom({ COLOUR: 'blue', LIMIT: '' })).toEqual({ COLOUR: 'blue', LIMIT: 7 });
  });

  it('can come from files', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'partner-config-')), 'token');
    writeFileSync(path, 'a-token-of-a-carrier\n');
    const { CARRIER_TOKEN } = await settingsFrom({ COLOUR: 'red', CARRIER_TOKEN_FILE: path });
    expect(CARRIER_TOKEN).toBe('a-token-of-a-carrier');
  });

  it("has its problems in one list with the connector's, without a value", async () => {
    const environment = {
      PORT: 'eighty',
      COLOUR: 'mauve',
      CARRIER_TOKEN: 'too-short',
      LIMIT_FILE: '/nowhere',
    };
    const failure = settingsFrom(environment);
    await expect(failure).rejects.toThrow(/^The configuration has 4 problems:\n- PORT must/);
    await expect(failure).rejects.toThrow('\n- COLOUR must be one of the following values: red, blue\n');
    await expect(failure).rejects.toThrow('\n- CARRIER_TOKEN must be longer than or equal to 16');
    await expect(failure).rejects.toThrow('\n- LIMIT_FILE must be the path of a readable file (ENOENT)');
    await expect(failure).rejects.not.toThrow(/mauve|too-short/);
  });

  it('is refused with the message of a rule, and once when a file cannot be read', async () => {
    await expect(settingsFrom({ COLOUR_FILE: '/nowhere', COUNTRY: 'Germany' })).rejects.toThrow(
      'The configuration has 2 problems:\n' +
        '- COLOUR_FILE must be the path of a readable file (ENOENT)\n' +
        '- COUNTRY must be a code of two letters\n',
    );
  });

  it('is refused when it declares a variable of the connector, or no rules', () => {
    class Taken {
      @IsString()
      REDIS_URL!: string;
    }
    class Several {
      @IsString()
      ADMIN_TOKEN_FILE!: string;

      @IsString()
      PORT!: string;
    }
    expect(() => ConfigModule.register({}, { partnerConfig: Several })).toThrow(
      'register({ config: Several }): ADMIN_TOKEN_FILE, PORT are variables of the connector; rename the property',
    );
    class Bare {}
    expect(() => ConfigModule.register({}, { partnerConfig: Taken })).toThrow(
      'register({ config: Taken }): REDIS_URL is a variable of the connector; rename the property',
    );
    expect(() => ConfigModule.register({}, { partnerConfig: Bare })).toThrow(
      'the class has no class-validator decorators',
    );
  });
});
