import { Type } from 'class-transformer';
import { IsOptional, ValidateBy, ValidateNested, type ValidationArguments } from 'class-validator';
import { isJsonObject } from '../json.js';

/**
 * Rules that the events share, each with one message for everything that can be wrong. Nothing is converted: a number
 * where the contract says text is a violation.
 */

/** Text that must be there and not be blank. */
export function Text(): PropertyDecorator {
  return required('text', (value) => {
    if (typeof value !== 'string') return 'must be text';
    return value.trim() === '' ? 'is required and must not be blank' : undefined;
  });
}

/** Text that may be left out. */
export function OptionalText(): PropertyDecorator {
  return optional(required('text', (value) => (typeof value === 'string' ? undefined : 'must be text')));
}

/** A whole number of pieces that must be there and must not be negative. */
export function Quantity(): PropertyDecorator {
  return required('quantity', (value) => {
    if (!Number.isInteger(value)) return 'must be a whole number';
    return (value as number) >= 0 ? undefined : 'must not be negative';
  });
}

/** A number that must be there. */
export function FiniteNumber(): PropertyDecorator {
  return required('number', (value) => (Number.isFinite(value) ? undefined : 'must be a number'));
}

/** A number that must be there and be more than 0. */
export function PositiveNumber(): PropertyDecorator {
  return required('positiveNumber', (value) => {
    if (!Number.isFinite(value)) return 'must be a number';
    return (value as number) > 0 ? undefined : 'must be more than 0';
  });
}

/** An object whose members are not checked. */
export function PlainObject(): PropertyDecorator {
  return required('object', (value) => (isJsonObject(value) ? undefined : 'must be an object'));
}

/** An object whose members are checked by its class. */
export function Nested(type: () => new () => object): PropertyDecorator {
  return (target, property) => {
    PlainObject()(target, property);
    ValidateNested({ message: 'must be an object' })(target, property);
    Type(type)(target, property);
  };
}

/**
 * A list of objects whose members are checked by their class.
 *
 * @param options an empty list is allowed unless `atLeastOne` is set
 */
export function ListOf(
  type: () => new () => object,
  { atLeastOne = false }: { readonly atLeastOne?: boolean } = {},
): PropertyDecorator {
  return (target, property) => {
    required('list', (value) => {
      if (!Array.isArray(value)) return 'must be a list';
      if (atLeastOne && value.length === 0) return 'must hold at least one item';
      return value.every(isJsonObject) ? undefined : 'must hold objects only';
    })(target, property);
    ValidateNested({ each: true, message: 'must be an object' })(target, property);
    Type(type)(target, property);
  };
}

/** Makes a rule that holds only for what is there. */
export function optional(rule: PropertyDecorator): PropertyDecorator {
  return (target, property) => {
    IsOptional()(target, property);
    rule(target, property);
  };
}

function required(name: string, problem: (value: unknown) => string | undefined): PropertyDecorator {
  const told = (value: unknown): string | undefined =>
    value === undefined || value === null ? 'is required' : problem(value);
  return ValidateBy({
    name,
    validator: {
      validate: (value) => told(value) === undefined,
      defaultMessage: (args?: ValidationArguments) => told(args?.value) ?? '',
    },
  });
}
