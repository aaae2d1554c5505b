import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isatty } from 'node:tty';
import { plainToInstance } from 'class-transformer';
import {
  ArrayNotEmpty,
  IsBoolean,
  IsEmail,
  IsIn,
  IsOptional,
  IsString,
  Matches,
  MinLength,
  ValidateIf,
} from 'class-validator';
import type { AdminToken, ConnectorRole, OrderLookupField } from './connector-config.js';
import { MANAGEMENT_PATHS, isManagementPath } from './management-paths.js';
import { type Violation, violationsOf } from './problems.js';
import { REDIS_URL_FORMS, type RedisTarget } from './redis-target.js';
import {
  ADMIN_TOKEN_NAME,
  AdminTokens,
  BooleanVariable,
  IsHttpUrl,
  IsIntegerVariable,
  IsOrderLookup,
  IsRequiredText,
  ListVariable,
  PublicKeys,
  RedisUrl,
} from './rules.js';

const DAY_SECONDS = 86_400;
/** Node's timers cannot wait longer. */
const MAX_TIMER_MS = 2_147_483_647;
const MAX_TIMER_SECONDS = Math.floor(MAX_TIMER_MS / 1000);

/** Signs the tokens of Pub/Sub. */
const GOOGLE_ISSUER = 'https://accounts.google.com';

/** A variable that must be set unless `CONNECTOR_CONFIG` takes its place. */
function RequiredForOneAccount(): PropertyDecorator {
  return (target, property) => {
    ValidateIf((variables: Variables) => variables.CONNECTOR_CONFIG === undefined)(target, property);
    IsRequiredText()(target, property);
  };
}

/** The environment as the connector reads it: names, defaults and rules. */
export class Variables {
  @IsIntegerVariable(0, 65_535)
  PORT: number = 8080;

  @IsString()
  HOST: string = '0.0.0.0';

  @IsOptional()
  @IsIntegerVariable(0, 65_535)
  MANAGEMENT_PORT?: number;

  @IsOptional()
  @RedisUrl()
  REDIS_URL?: RedisTarget;

  @BooleanVariable()
  @IsBoolean({ message: 'must be true or false' })
  REQUIRE_TLS: boolean = false;

  @IsIntegerVariable(0, 10)
  REDIS_WAIT_REPLICAS: number = 0;

  @IsIn(['all', 'ingress', 'worker'], { message: 'must be all, ingress or worker' })
  CONNECTOR_ROLE: ConnectorRole = 'all';

  @IsOptional()
  @IsString()
  CONNECTOR_CONFIG?: string;

  @RequiredForOneAccount()
  FLUENT_ACCOUNT_ID!: string;

  @ListVariable()
  FLUENT_RETAILER_IDS: string[] = [];

  @IsOptional()
  @IsHttpUrl()
  FLUENT_BASE_URL?: string;

  @RequiredForOneAccount()
  FLUENT_USERNAME!: string;

  @RequiredForOneAccount()
  FLUENT_PASSWORD!: string;

  @RequiredForOneAccount()
  FLUENT_CLIENT_ID!: string;

  @RequiredForOneAccount()
  FLUENT_CLIENT_SECRET!: string;

  @ValidateIf((variables: Variables) => variables.CONNECTOR_CONFIG === undefined)
  @PublicKeys()
  FLUENT_WEBHOOK_PUBLIC_KEYS!: KeyObject[];

  @BooleanVariable()
  @IsBoolean({ message: 'must be true or false' })
  FLUENT_ALLOW_MD5_SIGNATURE: boolean = false;

  @RequiredForOneAccount()
  CTP_PROJECT_KEY!: string;

  @RequiredForOneAccount()
  CTP_CLIENT_ID!: string;

  @RequiredForOneAccount()
  CTP_CLIENT_SECRET!: string;

  @ValidateIf((variables: Variables) => variables.CONNECTOR_CONFIG === undefined)
  @IsHttpUrl()
  CTP_AUTH_URL!: string;

  @ValidateIf((variables: Variables) => variables.CONNECTOR_CONFIG === undefined)
  @IsHttpUrl()
  CTP_API_URL!: string;

  @RequiredForOneAccount()
  CTP_SCOPES!: string;

  @IsOrderLookup()
  ORDER_LOOKUP: OrderLookupField = 'orderNumber';

  @IsOptional()
  @IsString()
  ORDER_REF_PREFIX?: string;

  @ListVariable()
  @ArrayNotEmpty({ message: 'must name at least one event' })
  ORDER_STATUS_EVENT_NAMES: string[] = [
    'fc.connect.order.webhook.status-update',
    'fc.connect.order.webhook.order-status-update',
  ];

  @IsString()
  ORDER_STATUS_MAPPING_SETTING: string = 'fc.connect.commercetools.order.order-status-mapping';

  @IsString()
  PAYMENT_STATUS_MAPPING_SETTING: string = 'fc.connect.commerce-tools.order.payment-status-mapping';

  @IsString()
  SHIPPING_STATUS_MAPPING_SETTING: string = 'fc.connect.commerce-tools.order.shipping-status-mapping';

  @IsIn(['audit-log', 'off'], { message: 'must be audit-log or off' })
  STATUS_HISTORY: 'audit-log' | 'off' = 'audit-log';

  @ListVariable()
  @ArrayNotEmpty({ message: 'must name at least one rule' })
  STATUS_CHANGE_RULES: string[] = ['.SetState', '.ChangeStateGQL'];

  @IsIntegerVariable(0, MAX_TIMER_SECONDS)
  SETTINGS_CACHE_TTL: number = 300;

  @IsOptional()
  @IsString()
  SETTINGS_FILE?: string;

  @IsIntegerVariable(1, 1000)
  QUEUE_CONCURRENCY: number = 16;

  @IsIntegerVariable(100, MAX_TIMER_MS)
  QUEUE_LOCK_DURATION: number = 30_000;

  @IsIntegerVariable(1, MAX_TIMER_MS)
  HTTP_CLIENT_TIMEOUT: number = 30_000;

  @IsIntegerVariable(1, 100)
  OPERATION_BATCH_READS: number = 50;

  @IsIntegerVariable(1, 25)
  OPERATION_BATCH_WRITES: number = 4;

  @IsIntegerVariable(0)
  RETRY_MAX_AGE: number = DAY_SECONDS;

  @IsIntegerVariable(1, MAX_TIMER_MS)
  RETRY_BASE_DELAY: number = 1000;

  @IsIntegerVariable(1, MAX_TIMER_MS)
  RETRY_MAX_DELAY: number = 600_000;

  @IsIntegerVariable(1)
  DEDUPE_WINDOW: number = 90_000;

  @IsIntegerVariable(1, MAX_TIMER_MS)
  RECHECK_DELAY: number = 3000;

  @IsIntegerVariable(0)
  ORDER_NOT_FOUND_MAX_AGE: number = 3600;

  @IsIntegerVariable(0, 366 * DAY_SECONDS)
  HISTORY_TTL: number = 7 * DAY_SECONDS;

  @IsIntegerVariable(1, 1_000_000)
  HISTORY_MAX_MEMORY: number = 256;

  @IsIntegerVariable(0, MAX_TIMER_SECONDS)
  RECONCILE_INTERVAL: number = 300;

  @IsIntegerVariable(0, 7 * DAY_SECONDS)
  RECONCILE_OVERLAP: number = 120;

  @Matches(/^\/[\w/.~-]*$/, { message: 'must be a path that begins with /' })
  WEBHOOK_PATH: string = '/api/v1/fluent-connect/webhook';

  @IsIntegerVariable(1, 64 * 1_048_576)
  WEBHOOK_BODY_LIMIT: number = 1_048_576;

  @Matches(/^\/[\w/.~-]*$/, { message: 'must be a path that begins with /' })
  COMMERCETOOLS_MESSAGES_PATH: string = '/api/v1/commercetools/messages';

  @IsOptional()
  @IsString()
  COMMERCETOOLS_MESSAGES_AUDIENCE?: string;

  @IsString()
  COMMERCETOOLS_MESSAGES_ISSUER: string = GOOGLE_ISSUER;

  @IsHttpUrl()
  COMMERCETOOLS_MESSAGES_JWKS_URL: string = 'https://www.googleapis.com/oauth2/v3/certs';

  @IsOptional()
  @IsEmail({}, { message: 'must be an e-mail address' })
  COMMERCETOOLS_MESSAGES_SERVICE_ACCOUNT?: string;

  @IsOptional()
  @IsString()
  COMMERCETOOLS_MESSAGES_SUBJECT?: string;

  @IsOptional()
  @MinLength(16, { message: 'must have at least 16 characters' })
  COMMERCETOOLS_MESSAGES_SECRET?: string;

  @IsIntegerVariable(0, MAX_TIMER_SECONDS)
  DRAIN_DELAY: number = 0;

  @IsIntegerVariable(0, MAX_TIMER_SECONDS)
  SHUTDOWN_TIMEOUT: number = 25;

  @IsOptional()
  @MinLength(16, { message: 'must have at least 16 characters' })
  ADMIN_TOKEN?: string;

  @AdminTokens()
  ADMIN_TOKENS: AdminToken[] = [];

  @IsIn(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
    message: 'must be fatal, error, warn, info, debug, trace or silent',
  })
  LOG_LEVEL: string = 'info';

  @IsIn(['json', 'pretty'], { message: 'must be json or pretty' })
  // Node makes the output non-blocking as soon as `process.stdout` is used. Whenever its pipe is full, the logger would sleep.
  LOG_FORMAT: 'json' | 'pretty' = isatty(1) ? 'pretty' : 'json';
}

/** Variables that hold a secret; each can be given as a file instead, `NAME_FILE`. */
export const SECRET_VARIABLES = [
  'REDIS_URL',
  'FLUENT_USERNAME',
  'FLUENT_PASSWORD',
  'FLUENT_CLIENT_ID',
  'FLUENT_CLIENT_SECRET',
  'FLUENT_WEBHOOK_PUBLIC_KEYS',
  'CTP_CLIENT_ID',
  'CTP_CLIENT_SECRET',
  'COMMERCETOOLS_MESSAGES_SECRET',
  'ADMIN_TOKEN',
  'ADMIN_TOKENS',
] as const satisfies readonly (keyof Variables)[];

/** Variables of the one account and project. `CONNECTOR_CONFIG` replaces all of them. */
export const SINGLE_ACCOUNT_VARIABLES = [
  'FLUENT_ACCOUNT_ID',
  'FLUENT_RETAILER_IDS',
  'FLUENT_BASE_URL',
  'FLUENT_USERNAME',
  'FLUENT_PASSWORD',
  'FLUENT_CLIENT_ID',
  'FLUENT_CLIENT_SECRET',
  'FLUENT_WEBHOOK_PUBLIC_KEYS',
  'FLUENT_ALLOW_MD5_SIGNATURE',
  'CTP_PROJECT_KEY',
  'CTP_CLIENT_ID',
  'CTP_CLIENT_SECRET',
  'CTP_AUTH_URL',
  'CTP_API_URL',
  'CTP_SCOPES',
] as const satisfies readonly (keyof Variables)[];

export type Environment = Readonly<Record<string, string | undefined>>;

/** The names of all variables, without the `_FILE` forms. */
export const VARIABLE_NAMES = [
  ...new Set([...Object.keys(new Variables()), ...SINGLE_ACCOUNT_VARIABLES, ...SECRET_VARIABLES]),
] as (keyof Variables)[];

/** Variables under the names of an earlier version: still read, with a warning, until the next version. */
const RENAMED_VARIABLES: Readonly<Record<string, keyof Variables>> = { LOOK_AGAIN_DELAY: 'RECHECK_DELAY' };

/** @returns the warnings, and the environment under today's names. A variable with today's name wins. */
export function withRenamedVariables(environment: Environment): [Environment, string[]] {
  const old = Object.keys(RENAMED_VARIABLES).filter((name) => environment[name]?.trim());
  const moved = old.map((name) => [RENAMED_VARIABLES[name], environment[name]]);
  const warnings = old.map((name) => `${name} is now called ${RENAMED_VARIABLES[name]}; rename it`);
  return [{ ...Object.fromEntries(moved), ...environment }, warnings];
}

/**
 * @param problems collects a violation for each variable that is wrong; its path is the variable's name.
 * @param queueNeedsRedis false for a queue on another store, which makes `REDIS_URL` optional.
 * @returns the variables with defaults and types; unusable when there are problems.
 */
export function readVariables(
  environment: Environment,
  problems: Violation[],
  queueNeedsRedis = true,
): Variables {
  const given: Record<string, string> = {};
  const unreadable = new Set<string>();
  for (const name of VARIABLE_NAMES) {
    // Env files leave spaces and line breaks at the ends. Only a secret may mean them.
    const value = isSecret(name)
      ? valueOrFile(name, environment[name], environment, problems, unreadable)
      : environment[name]?.trim();
    // `NAME=` in a file or a manifest means that the variable is not set.
    if (value !== undefined && value.trim() !== '') given[name] = value;
  }
  const variables = plainToInstance(Variables, given);
  const violations = [...violationsOf(variables), ...redisProblems(variables, queueNeedsRedis)];
  problems.push(...violations.filter(({ path }) => !unreadable.has(path)));
  problems.push(...contradictions(variables, given));
  return variables;
}

/**
 * @param value what the variable itself has.
 * @param problems collects a violation when the file of `NAME_FILE` cannot be used; `unreadable` then gets the name.
 * @returns the content of the file of `NAME_FILE`, or without one the value.
 */
export function valueOrFile(
  name: string,
  value: string | undefined,
  environment: Environment,
  problems: Violation[],
  unreadable: Set<string>,
): string | undefined {
  const file = environment[`${name}_FILE`]?.trim();
  if (!file) return value;
  const result = value ? { problem: `and ${name} are both set; keep one` } : readSecretFile(file);
  if (result.problem !== undefined) {
    problems.push({ path: `${name}_FILE`, message: result.problem });
    unreadable.add(name);
  }
  return result.secret;
}

function isSecret(name: keyof Variables): boolean {
  return (SECRET_VARIABLES as readonly string[]).includes(name);
}

/** Without Redis, replicas share nothing: the queue has its own store, and the admin API is for all replicas. */
function redisProblems(
  { REDIS_URL, ADMIN_TOKEN, ADMIN_TOKENS }: Variables,
  queueNeedsRedis: boolean,
): Violation[] {
  if (REDIS_URL !== undefined) return [];
  if (queueNeedsRedis) return [{ path: 'REDIS_URL', message: `is required: a ${REDIS_URL_FORMS}` }];
  const hasTokens = ADMIN_TOKEN !== undefined || ADMIN_TOKENS.length > 0;
  const message =
    'is required for the admin API, which keeps stories, reconciles and the overview in Redis; ' +
    'set it, or remove ADMIN_TOKEN and ADMIN_TOKENS';
  return hasTokens ? [{ path: 'REDIS_URL', message }] : [];
}

/** @returns what is wrong between variables. */
function contradictions(variables: Variables, given: Readonly<Record<string, string>>): Violation[] {
  const problems: Violation[] = [];
  if (variables.RETRY_BASE_DELAY > variables.RETRY_MAX_DELAY) {
    problems.push({ path: 'RETRY_BASE_DELAY', message: 'must not be larger than RETRY_MAX_DELAY' });
  }
  problems.push(...messageProblems(variables, given), ...adminTokenProblems(variables));
  if (variables.CONNECTOR_CONFIG !== undefined) {
    const both = SINGLE_ACCOUNT_VARIABLES.filter((name) => given[name] !== undefined);
    if (both.length > 0) {
      problems.push({
        path: 'CONNECTOR_CONFIG',
        message: `is set, so these must not be: ${both.join(', ')}`,
      });
    }
  } else if (
    given['FLUENT_ACCOUNT_ID'] !== undefined &&
    variables.FLUENT_BASE_URL === undefined &&
    !hasSandboxUrl(variables.FLUENT_ACCOUNT_ID)
  ) {
    problems.push({
      path: 'FLUENT_BASE_URL',
      message: 'is required, because FLUENT_ACCOUNT_ID cannot be part of a host name',
    });
  }
  return problems;
}

function adminTokenProblems({ ADMIN_TOKEN, ADMIN_TOKENS }: Variables): Violation[] {
  // What could not be read has its own problem.
  if (ADMIN_TOKEN === undefined || !Array.isArray(ADMIN_TOKENS)) return [];
  const clash = ADMIN_TOKENS.find(({ name, secret }) => name === ADMIN_TOKEN_NAME || secret === ADMIN_TOKEN);
  if (!clash) return [];
  const what = clash.name === ADMIN_TOKEN_NAME ? `name ${ADMIN_TOKEN_NAME}` : 'token';
  return [{ path: 'ADMIN_TOKENS', message: `must not hold the ${what}, which is that of ADMIN_TOKEN` }];
}

function messageProblems(variables: Variables, given: Readonly<Record<string, string>>): Violation[] {
  const problems: Violation[] = [];
  const forTokens = [
    'COMMERCETOOLS_MESSAGES_ISSUER',
    'COMMERCETOOLS_MESSAGES_JWKS_URL',
    'COMMERCETOOLS_MESSAGES_SERVICE_ACCOUNT',
    'COMMERCETOOLS_MESSAGES_SUBJECT',
  ].filter((name) => given[name] !== undefined);
  if (variables.COMMERCETOOLS_MESSAGES_AUDIENCE === undefined) {
    if (forTokens.length > 0) {
      problems.push({
        path: 'COMMERCETOOLS_MESSAGES_AUDIENCE',
        message: `is required, because this is set: ${forTokens.join(', ')}`,
      });
    }
  } else if (
    given['COMMERCETOOLS_MESSAGES_SERVICE_ACCOUNT'] === undefined &&
    given['COMMERCETOOLS_MESSAGES_SUBJECT'] === undefined
  ) {
    problems.push({
      path: 'COMMERCETOOLS_MESSAGES_SERVICE_ACCOUNT',
      message:
        'or COMMERCETOOLS_MESSAGES_SUBJECT is required with COMMERCETOOLS_MESSAGES_AUDIENCE, ' +
        'because an issuer signs tokens for any audience for all its users',
    });
  }
  if (variables.COMMERCETOOLS_MESSAGES_PATH === variables.WEBHOOK_PATH) {
    problems.push({ path: 'COMMERCETOOLS_MESSAGES_PATH', message: 'must differ from WEBHOOK_PATH' });
  }
  for (const name of ['WEBHOOK_PATH', 'COMMERCETOOLS_MESSAGES_PATH'] as const) {
    if (isManagementPath(variables[name])) {
      problems.push({ path: name, message: `must not be one of ${MANAGEMENT_PATHS.join(', ')} or below it` });
    }
  }
  return problems;
}

/** @returns whether the account's id gives the address of its sandbox. */
export function hasSandboxUrl(accountId: string): boolean {
  return /^[\w-]+$/.test(accountId);
}

/** The content of a file, or why there is none. */
export type SecretFile = { secret: string; problem?: undefined } | { secret?: undefined; problem: string };

/**
 * @returns the content without the line break that editors and `echo` put at its end. A problem does not repeat
 * the path, because people also put the secret itself in its place.
 */
export function readSecretFile(path: string): SecretFile {
  try {
    const secret = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
    return secret.trim() === '' ? { problem: 'names an empty file' } : { secret };
  } catch (error) {
    return { problem: `must be the path of a readable file (${(error as NodeJS.ErrnoException).code})` };
  }
}
