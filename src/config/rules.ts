import { Transform } from 'class-transformer';
import { IsInt, IsUrl, Max, Min, ValidateBy, buildMessage } from 'class-validator';
import { publicKeyProblem } from './public-key.js';

/** Rules that environment variables and the YAML file share. */

export function IsHttpUrl(): PropertyDecorator {
  return (target, property) => {
    Transform(({ value }) => (typeof value === 'string' ? value.replace(/\/+$/, '') : (value as unknown)))(
      target,
      property,
    );
    IsUrl(
      { protocols: ['http', 'https'], require_protocol: true, require_tld: false },
      { message: 'must be an http or https URL' },
    )(target, property);
  };
}

/** An integer from text; text that is no integer stays text, so that the rule refuses it. */
export function IsIntegerVariable(minimum: number, maximum = Number.MAX_SAFE_INTEGER): PropertyDecorator {
  return (target, property) => {
    Transform(({ value }) =>
      typeof value === 'string' && /^-?\d+$/.test(value.trim()) ? Number(value) : (value as unknown),
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
    const text = value.trim().toLowerCase();
    return text === 'true' ? true : text === 'false' ? false : value;
  });
}

/** A list from text that is separated by commas. */
export function ListVariable(): PropertyDecorator {
  return Transform(({ value }) =>
    typeof value === 'string'
      ? value
          .split(',')
          .map((item) => item.trim())
          .filter((item) => item !== '')
      : (value as unknown),
  );
}

/** At least one RSA public key, all of them readable. The message names a key by position, never by content. */
export function ArePublicKeys(): PropertyDecorator {
  const problem = (keys: unknown): string | undefined => {
    if (!Array.isArray(keys) || keys.length === 0) return 'must hold at least one public key';
    for (const [index, key] of keys.entries()) {
      const wrong = typeof key === 'string' ? publicKeyProblem(key) : 'is not text';
      if (wrong) return `is wrong: key ${index + 1} of ${keys.length} ${wrong}`;
    }
    return undefined;
  };
  return ValidateBy({
    name: 'arePublicKeys',
    validator: {
      validate: (keys) => problem(keys) === undefined,
      defaultMessage: buildMessage((_, args) => problem(args?.value) ?? ''),
    },
  });
}
