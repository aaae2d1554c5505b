import { getMetadataStorage, validateSync, type ValidationError } from 'class-validator';
import { ConfigurationError } from '../errors.js';

/** The configuration is wrong or incomplete; the message lists every problem and holds no secret. */
export class ConfigurationProblems extends ConfigurationError {
  /** One line for each problem: its path, then what is wrong. */
  readonly problems: readonly string[];

  constructor(violations: readonly Violation[]) {
    const problems = violations.map(describeViolation);
    super(
      `The configuration has ${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}:\n` +
        problems.map((problem) => `- ${problem}`).join('\n') +
        '\ndocs/configuration.md explains every variable.',
    );
    this.problems = problems;
  }
}

/** A value that is wrong, and its path: a variable's name, or a path in the file such as `accounts[0].id`. */
export interface Violation {
  readonly path: string;
  readonly message: string;
}

/** @returns the first broken rule of each property. A property without a rule is unknown, and breaks one too. */
export function violationsOf(instance: object): Violation[] {
  // More than the first would also report what is inside a value of the wrong shape.
  return violationsIn(
    validateSync(instance, { whitelist: true, forbidNonWhitelisted: true, stopAtFirstError: true }),
  );
}

/** @returns the first broken rule of each property that class-validator reports. */
export function violationsIn(errors: readonly ValidationError[], parent = ''): Violation[] {
  return errors.flatMap(({ property, target, constraints, children = [] }) => {
    const path = /^\d+$/.test(property)
      ? `${parent}[${property}]`
      : parent
        ? `${parent}.${property}`
        : property;
    if (!constraints) return violationsIn(children, path);
    if ('whitelistValidation' in constraints) {
      return [{ path, message: `is not known; known are ${knownProperties(target!).join(', ')}` }];
    }
    const [message] = Object.values(constraints);
    return [{ path, message: message! }];
  });
}

function knownProperties(target: object): string[] {
  const rules = getMetadataStorage().getTargetValidationMetadatas(target.constructor, '', false, false);
  return [...new Set(rules.map(({ propertyName }) => propertyName))].sort();
}

export function describeViolation({ path, message }: Violation): string {
  return `${path} ${message}`;
}
