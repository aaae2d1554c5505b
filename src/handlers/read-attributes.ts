import type { Type } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { validate, type ValidationError } from 'class-validator';
import { PermanentError } from '../errors.js';
import type { FluentNotification } from '../notification/index.js';

/**
 * @returns the attributes of a notification as a validated instance of the class.
 * @throws PermanentError that names each field that breaks a rule, without values: they may be personal data.
 */
export async function readAttributes<T extends object>(
  { name, attributes = {} }: FluentNotification,
  attributesClass: Type<T>,
): Promise<T> {
  const plain = typeof attributes === 'string' ? parse(attributes) : attributes;
  if (typeof plain !== 'object' || plain === null || Array.isArray(plain)) {
    throw broken(name, attributesClass, 'they are not a JSON object');
  }
  const instance = plainToInstance(attributesClass, plain);
  const violations = describe(await validate(instance));
  if (violations.length > 0) throw broken(name, attributesClass, violations.join('; '));
  return instance;
}

function broken(name: string, { name: className }: Type, problem: string): PermanentError {
  return new PermanentError(
    `the attributes of notification ${name} break ${className}: ${problem}; ` +
      'correct the rule in Fluent that sends it, or the class',
    { code: 'InvalidAttributes' },
  );
}

/** Fluent's published schema calls attributes a string; on the wire they are an object. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** class-validator's messages begin with the property's name; this adds the path to it. */
function describe(errors: readonly ValidationError[], parent = ''): string[] {
  return errors.flatMap(({ property, constraints = {}, children = [] }) => [
    ...Object.values(constraints).map((message) => parent + message),
    ...describe(children, `${parent}${property}.`),
  ]);
}
