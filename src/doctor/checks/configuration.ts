import { checkNodeVersion } from '../../node-version.js';
import { asError } from '../../errors.js';
import { type Check, fail, pass, warn } from '../finding.js';

/** A configuration that cannot be loaded never comes here: nothing else can be checked then. */
export const configurationCheck: Check = {
  name: 'configuration',
  async *run({ config }) {
    try {
      const warning = checkNodeVersion();
      yield warning === undefined ? pass('Node', process.version) : warn('Node', warning);
    } catch (error) {
      yield fail('Node', asError(error).message);
    }
    const { accounts, projects, warnings, notices } = config;
    const what = `${accounts.length} Fluent account(s), ${projects.length} commercetools project(s)`;
    yield pass('configuration', `valid: ${what}`);
    for (const warning of [...warnings, ...notices]) yield warn('configuration', warning);
  },
};
