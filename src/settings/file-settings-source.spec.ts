import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ConnectorConfig, RetailerScope } from '../config/index.js';
import { ConfigurationError } from '../errors.js';
import { FileSettingsSource } from './file-settings-source.js';

const SCOPE = {} as RetailerScope;
const NAME = 'fc.connect.commercetools.order.order-status-mapping';
const mapping = (state: string): object => ({ fluent: { BOOKED: state } });

let dir: string;
let error: ReturnType<typeof vi.spyOn>;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'connector-settings-'));
  vi.useFakeTimers({ toFake: ['performance'] });
  error = vi.spyOn(Logger.prototype, 'error').mockReturnValue();
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(dir, { recursive: true });
});

async function open(path: string): Promise<FileSettingsSource> {
  const source = new FileSettingsSource({ settingsFile: path } as ConnectorConfig);
  await source.onModuleInit();
  return source;
}

async function stateIn(source: FileSettingsSource): Promise<unknown> {
  vi.advanceTimersByTime(5000);
  const setting = await source.get(SCOPE, [NAME]);
  return (setting?.value as { fluent: Record<string, unknown> } | undefined)?.fluent['BOOKED'];
}

/** A ConfigMap as the kubelet mounts it: files behind a link to the version, swapped as a whole. */
function mountConfigMap(version: string, files: Record<string, string>): void {
  const folder = join(dir, `..${version}`);
  mkdirSync(folder);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  symlinkSync(`..${version}`, join(dir, '..data_tmp'));
  renameSync(join(dir, '..data_tmp'), join(dir, '..data'));
}

describe('FileSettingsSource', () => {
  it.each([
    ['YAML', 'settings.yaml', `${NAME}:\n  fluent:\n    BOOKED: Confirmed\n`],
    ['JSON', 'settings.json', JSON.stringify({ [NAME]: mapping('Confirmed') })],
  ])('reads %s', async (_, file, text) => {
    const path = join(dir, file);
    writeFileSync(path, text);
    const source = await open(path);
    expect(await source.get(SCOPE, ['other', NAME])).toEqual({
      name: NAME,
      context: `file ${path}`,
      value: mapping('Confirmed'),
    });
    expect(await source.get(SCOPE, ['other'])).toBeUndefined();
    expect(await source.get(SCOPE, ['constructor'])).toBeUndefined();
  });

  it('uses the first name that exists', async () => {
    const path = join(dir, 'settings.yaml');
    writeFileSync(path, 'second: 2\nfirst: 1\n');
    expect(await (await open(path)).get(SCOPE, ['first', 'second'])).toMatchObject({ value: 1 });
  });

  it('uses a change after five seconds, and not before', async () => {
    const path = join(dir, 'settings.json');
    writeFileSync(path, JSON.stringify({ [NAME]: mapping('Open') }));
    const source = await open(path);
    writeFileSync(path, JSON.stringify({ [NAME]: mapping('Complete') }));
    vi.advanceTimersByTime(4999);
    expect(await source.get(SCOPE, [NAME])).toMatchObject({ value: mapping('Open') });
    expect(await stateIn(source)).toBe('Complete');
  });

  it('reads a mounted ConfigMap, and the next version of it', async () => {
    mountConfigMap('1', { [NAME]: JSON.stringify(mapping('Open')), 'more.yaml': 'fluent: {}' });
    const source = await open(dir);
    expect(await stateIn(source)).toBe('Open');
    expect(await source.get(SCOPE, ['more'])).toMatchObject({ value: { fluent: {} } });
    mountConfigMap('2', { [NAME]: JSON.stringify(mapping('Complete')) });
    rmSync(join(dir, '..1'), { recursive: true });
    expect(await stateIn(source)).toBe('Complete');
    expect(await source.get(SCOPE, ['more'])).toBeUndefined();
  });

  it('keeps the last valid values while the file is missing or invalid, and logs each problem once', async () => {
    const path = join(dir, 'settings.json');
    const good = JSON.stringify({ [NAME]: mapping('Open') });
    writeFileSync(path, good);
    const source = await open(path);

    writeFileSync(path, '{ "half": ');
    for (let n = 0; n < 3; n++) expect(await stateIn(source)).toBe('Open');
    expect(error).toHaveBeenCalledExactlyOnceWith(
      expect.stringMatching(
        /SETTINGS_FILE .*settings\.json cannot be used: .*using the last valid settings/s,
      ),
    );

    rmSync(path);
    expect(await stateIn(source)).toBe('Open');
    expect(error).toHaveBeenCalledTimes(2);

    writeFileSync(path, good.replace('Open', 'Complete'));
    expect(await stateIn(source)).toBe('Complete');
    expect(error).toHaveBeenCalledTimes(2);
  });

  it.each([
    ['is missing', 'missing.yaml', undefined, /SETTINGS_FILE .*missing\.yaml cannot be used: ENOENT/],
    ['is not YAML', 'broken.yaml', '{ a: ', /cannot be used: /],
    ['holds a list', 'list.yaml', '- a', /it must have setting names as its keys/],
    ['is empty', 'empty.yaml', '', /it must have setting names as its keys/],
    ['is huge', 'huge.yaml', `a: ${'x'.repeat(1_048_576)}`, /more than 1048576 bytes/],
  ])('does not start when the file %s', async (_, file, text, message) => {
    const path = join(dir, file);
    if (text !== undefined) writeFileSync(path, text);
    const start = open(path);
    await expect(start).rejects.toThrow(message);
    await expect(start).rejects.toBeInstanceOf(ConfigurationError);
  });

  it('does not start when a folder has two files for one setting, or one that is not YAML', async () => {
    writeFileSync(join(dir, `${NAME}.yaml`), 'a: 1');
    writeFileSync(join(dir, NAME), 'a: 1');
    await expect(open(dir)).rejects.toThrow(`two files contain the setting ${NAME}`);
    writeFileSync(join(dir, NAME), '{ a: ');
    await expect(open(dir)).rejects.toThrow(`${NAME} is neither YAML nor JSON`);
  });

  it('fails without SETTINGS_FILE, and names it', async () => {
    const source = new FileSettingsSource({} as ConnectorConfig);
    await source.onModuleInit();
    await expect(source.get(SCOPE, [NAME])).rejects.toThrow(/SETTINGS_FILE is not set/);
  });
});
