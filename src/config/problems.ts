import type { ValidationError } from 'class-validator';
import { ConfigurationError } from '../errors.js';

/** The configuration is wrong or incomplete; the message lists every problem and holds no secret. */
export class ConfigurationProblems extends ConfigurationError {
  constructor(readonly problems: readonly string[]) {
    super(
      `The configuration has ${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}:\n` +
        problems.map((problem) => `- ${problem}`).join('\n') +
        '\nEvery variable is explained in docs/configuration.md.',
    );
  }
}

/** @returns one line per broken rule, each beginning with where it is, e.g. `accounts[0].id`. */
export function describeViolations(errors: readonly ValidationError[], path = ''): string[] {
  return errors.flatMap(({ property, constraints = {}, children = [] }) => {
    const here = /^\d+$/.test(property) ? `${path}[${property}]` : path ? `${path}.${property}` : property;
    const own = Object.values(constraints).map((message) => `${here} ${message.replace(`${property} `, '')}`);
    return [...own, ...describeViolations(children, here)];
  });
}
