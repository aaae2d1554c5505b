import { Transform } from 'class-transformer';
import { IsInt, Max, Min, ValidateBy } from 'class-validator';
import { KeyObject } from 'node:crypto';
import type { AdminScope, AdminToken } from './connector-config.js';
import { parsePublicKey, splitPublicKeys } from './public-key.js';
import { REDIS_URL_FORMS, parseRedisUrl } from './redis-target.js';

/** Rules that environment variables and the YAML file share. */

/** A rule whose function returns the problem. The message puts the text after the name of the value. */
function Rule(name: string, problem: (value: unknown) => string | undefined): PropertyDecorator {
  return ValidateBy({
    name,
    validator: {
      validate: (value) => problem(value) === undefined,
      defaultMessage: (args) => problem(args!.value)!,
    },
  });
}

/** What an environment variable holds. */
interface Text {
  readonly value: string;
}

function itemsOf(list: string, separator: string | RegExp): string[] {
  return list
    .split(separator)
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** Text that must not be missing or blank. */
export function IsRequiredText(): PropertyDecorator {
  return Rule('isRequiredText', (value) => {
    if (value === undefined || value === null) return 'is required';
    if (typeof value !== 'string') return 'must be text; put it in quotes';
    return value.trim() === '' ? 'is required' : undefined;
  });
}

/** A URL that paths can be appended to. Host names may have underscores, as names of containers often do. */
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

/** Where Redis is, from a variable with a URL. A text that does not parse stays text, so that the rule refuses it. */
export function RedisUrl(): PropertyDecorator {
  return (target, property) => {
    Transform(({ value }: Text) => parseRedisUrl(value.trim()) ?? value)(target, property);
    Rule('isRedisUrl', (value) => (typeof value === 'string' ? `must be a ${REDIS_URL_FORMS}` : undefined))(
      target,
      property,
    );
  };
}

function isUrl(value: unknown, protocols: readonly string[]): value is string {
  if (typeof value !== 'string' || !URL.canParse(value)) return false;
  // `http:host` parses, but the host would be part of the path.
  return protocols.includes(new URL(value).protocol) && value.includes('://');
}

/** An integer from a variable. Any other text stays text, so that the rule refuses it. */
export function IsIntegerVariable(minimum: number, maximum = Number.MAX_SAFE_INTEGER): PropertyDecorator {
  return (target, property) => {
    Transform(({ value }: Text) => (/^-?\d+$/.test(value) ? Number(value) : value))(target, property);
    const message = `must be a whole number from ${minimum}${maximum === Number.MAX_SAFE_INTEGER ? '' : ` to ${maximum}`}`;
    IsInt({ message })(target, property);
    Min(minimum, { message })(target, property);
    Max(maximum, { message })(target, property);
  };
}

/** Which field of the commercetools order holds the Fluent ref. The names of custom fields are commercetools' rule. */
export function IsOrderLookup(): PropertyDecorator {
  return Rule('isOrderLookup', (value) =>
    typeof value === 'string' && /^(?:orderNumber|id|customField:[-_A-Za-z0-9]{2,36})$/.test(value)
      ? undefined
      : 'must be orderNumber, id or customField:<name>',
  );
}

/** `true` or `false`. Any other text stays text, so that a rule refuses it. */
export function BooleanVariable(): PropertyDecorator {
  return Transform(({ value }: Text) => {
    const text = value.toLowerCase();
    return text === 'true' ? true : text === 'false' ? false : value;
  });
}

/** A list from text that is separated by commas. Every item must be different. */
export function ListVariable(): PropertyDecorator {
  return (target, property) => {
    Transform(({ value }: Text) => itemsOf(value, ','))(target, property);
    Rule('isListWithoutDuplicates', (value) => {
      const twice = (value as string[]).find((item, index, all) => all.indexOf(item) !== index);
      return twice === undefined ? undefined : `must not hold ${twice} twice`;
    })(target, property);
  };
}

/**
 * RSA public keys from text or a list of texts: at least one, and all of them readable. The message names a key
 * by its position, never by its content.
 */
export function PublicKeys(): PropertyDecorator {
  return (target, property) => {
    Transform(({ value }) =>
      typeof value === 'string' || Array.isArray(value)
        ? [value]
            .flat()
            .flatMap((item: unknown) =>
              typeof item === 'string' ? splitPublicKeys(item).map(parsePublicKey) : ['is not text'],
            )
        : (value as unknown),
    )(target, property);
    // A key that could not be read has become the text of its problem.
    Rule('arePublicKeys', (keys) => {
      if (!Array.isArray(keys) || keys.length === 0) return 'must hold at least one public key';
      const index = keys.findIndex((key) => !(key instanceof KeyObject));
      return index < 0 ? undefined : `is wrong: key ${index + 1} of ${keys.length} ${String(keys[index])}`;
    })(target, property);
  };
}

/** The name of the bearer of `ADMIN_TOKEN`. */
export const ADMIN_TOKEN_NAME = 'admin';
const MIN_TOKEN_LENGTH = 16;
const TOKEN_FORM = /^([\w.@-]{1,64}):(read|write):(.*)$/s;

/**
 * Named tokens from text of the form `name:scope:token`, separated by commas or line breaks. The message names a token
 * by its position, never by its content.
 */
export function AdminTokens(): PropertyDecorator {
  return (target, property) => {
    Transform(({ value }: Text) => itemsOf(value, /[,\n]/).map(parseAdminToken))(target, property);
    // A token that could not be read has become the text of its problem.
    Rule('areAdminTokens', (value) => {
      const tokens = value as (AdminToken | string)[];
      for (const [index, token] of tokens.entries()) {
        if (typeof token === 'string') return `is wrong: token ${index + 1} of ${tokens.length} ${token}`;
      }
      const read = tokens as AdminToken[];
      const twice = read.find(({ name }, index) => read.findIndex((each) => each.name === name) !== index);
      if (twice) return `must not hold the name ${twice.name} twice`;
      const secrets = new Set(read.map(({ secret }) => secret));
      return secrets.size < read.length ? 'must not hold one token under two names' : undefined;
    })(target, property);
  };
}

function parseAdminToken(text: string): AdminToken | string {
  const match = TOKEN_FORM.exec(text);
  if (!match) return 'must have the form name:read:token or name:write:token';
  const [name, scope, secret] = match.slice(1) as [string, AdminScope, string];
  if (secret.length < MIN_TOKEN_LENGTH)
    return `must have at least ${MIN_TOKEN_LENGTH} characters after its scope`;
  return { name, scope, secret };
}
