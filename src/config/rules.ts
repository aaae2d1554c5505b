import { Transform } from 'class-transformer';
import { IsInt, Max, Min, ValidateBy } from 'class-validator';
import { publicKeyProblem } from './public-key.js';
import { REDIS_URL_FORMS, parseRedisUrl } from './redis-target.js';

/** Rules that environment variables and the YAML file share. */

/** A rule that says itself what is wrong; the words follow the name of the value. */
function Rule(name: string, problem: (value: unknown) => string | undefined): PropertyDecorator {
  return ValidateBy({
    name,
    validator: {
      validate: (value) => problem(value) === undefined,
      defaultMessage: (args) => problem(args?.value) ?? '',
    },
  });
}

/** Text that must be there. */
export function IsRequiredText(): PropertyDecorator {
  return Rule('isRequiredText', (value) => {
    if (value === undefined || value === null) return 'is required';
    if (typeof value !== 'string') return 'must be text; put it in quotes';
    return value.trim() === '' ? 'is required' : undefined;
  });
}

/**
 * A URL that paths can be appended to. Host names with an underscore are fine: they are usual between
 * containers.
 */
export function IsHttpUrl(): PropertyDecorator {
  return (target, property) => {
    Transform(({ value }) =>
      typeof value === 'string' ? value.trim().replace(/\/+$/, '') : (value as unknown),
    )(target, property);
    Rule('isHttpUrl', (value) =>
      isUrl(value, ['http:', 'https:']) && !/[?#@]/.test(value)
        ? undefined
        : 'must be an http or https URL without user, query and fragment',
    )(target, property);
  };
}

export function IsRedisUrl(): PropertyDecorator {
  return (target, property) => {
    Transform(({ value }) => (typeof value === 'string' ? value.trim() : (value as unknown)))(
      target,
      property,
    );
    Rule('isRedisUrl', (value) =>
      typeof value === 'string' && parseRedisUrl(value) ? undefined : `must be a ${REDIS_URL_FORMS}`,
    )(target, property);
  };
}

function isUrl(value: unknown, protocols: readonly string[]): value is string {
  if (typeof value !== 'string' || !URL.canParse(value)) return false;
  const { protocol, hostname } = new URL(value);
  // `http:host` parses, but is no address that anybody meant.
  return protocols.includes(protocol) && value.includes('://') && hostname !== '';
}

/** An integer from text; text that is no integer stays text, so that the rule refuses it. */
export function IsIntegerVariable(minimum: number, maximum = Number.MAX_SAFE_INTEGER): PropertyDecorator {
  return (target, property) => {
    Transform(({ value }) =>
      typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : (value as unknown),
    )(target, property);
    const message = `must be a whole number from ${minimum}${maximum === Number.MAX_SAFE_INTEGER ? '' : ` to ${maximum}`}`;
    IsInt({ message })(target, property);
    Min(minimum, { message })(target, property);
    Max(maximum, { message })(target, property);
  };
}

/** `true` or `false`; anything else stays text, so that a rule refuses it. */
export function BooleanVariable(): PropertyDecorator {
  return Transform(({ value }) => {
    if (typeof value !== 'string') return value as unknown;
    const text = value.toLowerCase();
    return text === 'true' ? true : text === 'false' ? false : value;
  });
}

/** A list from text that is separated by commas; it must not hold anything twice. */
export function ListVariable(): PropertyDecorator {
  return (target, property) => {
    Transform(({ value }) =>
      typeof value === 'string'
        ? value
            .split(',')
            .map((item) => item.trim())
            .filter((item) => item !== '')
        : (value as unknown),
    )(target, property);
    Rule('isListWithoutDuplicates', (value) => {
      const twice = (value as string[]).find((item, index, all) => all.indexOf(item) !== index);
      return twice === undefined ? undefined : `must not hold ${twice} twice`;
    })(target, property);
  };
}

/** At least one RSA public key, all of them readable. The message names a key by position, never by content. */
export function ArePublicKeys(): PropertyDecorator {
  return Rule('arePublicKeys', (keys) => {
    if (!Array.isArray(keys) || keys.length === 0) return 'must hold at least one public key';
    for (const [index, key] of keys.entries()) {
      const wrong = typeof key === 'string' ? publicKeyProblem(key) : 'is not text';
      if (wrong) return `is wrong: key ${index + 1} of ${keys.length} ${wrong}`;
    }
    return undefined;
  });
}
