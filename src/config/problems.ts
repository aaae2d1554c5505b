import { getMetadataStorage, validateSync, type ValidationError } from 'class-validator';
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

/** Something that is wrong, and where: a variable, or a path in the file such as `accounts[0].id`. */
export interface Violation {
  readonly path: string;
  readonly message: string;
}

/** @returns the first broken rule of each property; a property that has no rule breaks one too. */
export function violationsOf(instance: object): Violation[] {
  // With the first alone, what is below something of the wrong shape is not told as well.
  return violationsIn(
    validateSync(instance, { whitelist: true, forbidNonWhitelisted: true, stopAtFirstError: true }),
  );
}

/** @returns the first broken rule of each property that a check complained about. */
export function violationsIn(errors: readonly ValidationError[], parent = ''): Violation[] {
  return errors.flatMap(({ property, target, constraints, children = [] }) => {
    const path = /^\d+$/.test(property)
      ? `${parent}[${property}]`
      : parent
        ? `${parent}.${property}`
        : property;
    if (!constraints) return violationsIn(children, path);
    if ('whitelistValidation' in constraints) {
      return [{ path, message: `is not known; known are ${knownProperties(target).join(', ')}` }];
    }
    const [message = ''] = Object.values(constraints);
    return [{ path, message }];
  });
}

function knownProperties(target: object | undefined): string[] {
  if (!target) return [];
  const rules = getMetadataStorage().getTargetValidationMetadatas(target.constructor, '', false, false);
  return [...new Set(rules.map(({ propertyName }) => propertyName))].sort();
}

export function describeViolation({ path, message }: Violation): string {
  return `${path} ${message}`;
}
