import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ConfigurationError } from './errors.js';
import { checkNodeVersion } from './node-version.js';

const { engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  engines: { node: string };
};

describe('checkNodeVersion', () => {
  it.each(['18.20.8', '20.19.0', '20.20.1', '21.7.3', '22.22.1', '23.11.1', '24.14.0', '25.8.1'])(
    'refuses Node %s by name',
    (version) => {
      expect(() => checkNodeVersion(version)).toThrow(ConfigurationError);
      expect(() => checkNodeVersion(version)).toThrow(`Node ${version} has known vulnerabilities`);
    },
  );

  it.each(['22.22.2', '22.23.0', '24.14.1', '24.15.0', '26.0.0'])('accepts Node %s', (version) => {
    expect(checkNodeVersion(version)).toBeUndefined();
  });

  it('accepts the last release of Node 20 with a warning', () => {
    expect(checkNodeVersion('20.20.2')).toMatch(/Node 20 is at its end of life/);
  });

  it('recommends only versions that engines names', () => {
    expect(() => checkNodeVersion('20.0.0')).toThrow(/Use 22\.22\.2, 24\.14\.1, 25\.8\.2 or a later/);
  });

  it('agrees with engines in package.json, which leaves out Node 20', () => {
    expect(engines.node).toBe('^22.22.2 || ^24.14.1 || ^25.8.2 || >=26');
  });
});
