import { readFileSync } from 'node:fs';
import { Transform, Type, plainToInstance } from 'class-transformer';
import {
  ArrayNotEmpty,
  IsArray,
  IsBoolean,
  IsIn,
  IsOptional,
  IsString,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { YAMLParseError, parse } from 'yaml';
import type { OrderLookupField } from './connector-config.js';
import { contradictionsOf } from './document-contradictions.js';
import { describeViolation, violationsOf } from './problems.js';
import { splitPublicKeys } from './public-key.js';
import { ArePublicKeys, IsHttpUrl, IsRequiredText } from './rules.js';
import { readSecretFile } from './variables.js';

const TEXT = { message: 'must be text; put it in quotes' };
const BLOCK = { message: 'must hold keys and values' };

/** Setting names; `off` switches a mapping off. */
export class MappingSettingsDocument {
  @IsOptional() @IsString(TEXT) order?: string;
  @IsOptional() @IsString(TEXT) payment?: string;
  @IsOptional() @IsString(TEXT) shipping?: string;
}

/** What may differ between retailers; what is left out comes from the account, then from the environment. */
export class RetailerOptionsDocument {
  /** Key of a project of the file; may be left out when there is only one. */
  @IsOptional() @IsString(TEXT) project?: string;

  @IsOptional()
  @IsIn(['orderNumber', 'id'], { message: 'must be orderNumber or id' })
  orderLookup?: OrderLookupField;

  @IsOptional() @IsString(TEXT) orderRefPrefix?: string;

  @IsOptional()
  @ValidateNested(BLOCK)
  @Type(() => MappingSettingsDocument)
  mappingSettings?: MappingSettingsDocument;
}

export class RetailerDocument extends RetailerOptionsDocument {
  // YAML reads 1 as a number; Fluent sends "1".
  @Transform(({ value }) => (Number.isSafeInteger(value) ? String(value) : (value as unknown)))
  @IsRequiredText()
  id!: string;
}

export class AccountDocument extends RetailerOptionsDocument {
  @IsRequiredText() id!: string;
  @IsOptional() @IsHttpUrl() baseUrl?: string;
  @IsRequiredText() username!: string;
  @IsRequiredText() password!: string;
  @IsRequiredText() clientId!: string;
  @IsRequiredText() clientSecret!: string;

  @Transform(({ value }) =>
    Array.isArray(value) || typeof value === 'string'
      ? [value].flat().flatMap((key) => (typeof key === 'string' ? splitPublicKeys(key) : [key as unknown]))
      : (value as unknown),
  )
  @ArePublicKeys()
  webhookPublicKeys!: string[];

  @IsOptional()
  @IsBoolean({ message: 'must be true or false' })
  allowMd5Signature?: boolean;

  /** `any` or left out: any retailer of the account. An empty list is a slip, and must not open the account. */
  @ValidateIf(({ retailers }: AccountDocument) => retailers !== undefined)
  @Transform(({ value }) => (value === 'any' ? undefined : (value as unknown)))
  @ValidateNested({ each: true, ...BLOCK })
  @ArrayNotEmpty({ message: 'must be any, or a list of at least one retailer' })
  @Type(() => RetailerDocument)
  retailers?: RetailerDocument[];
}

export class ProjectDocument {
  @IsRequiredText() key!: string;
  @IsRequiredText() clientId!: string;
  @IsRequiredText() clientSecret!: string;
  @IsHttpUrl() authUrl!: string;
  @IsHttpUrl() apiUrl!: string;
  @IsRequiredText() scopes!: string;
}

/** The file that `CONNECTOR_CONFIG` names. */
export class ConnectorDocument {
  @ValidateNested({ each: true, ...BLOCK })
  @ArrayNotEmpty({ message: 'must be a list of at least one account' })
  @IsArray({ message: 'must be a list of at least one account' })
  @Type(() => AccountDocument)
  accounts!: AccountDocument[];

  @ValidateNested({ each: true, ...BLOCK })
  @ArrayNotEmpty({ message: 'must be a list of at least one project' })
  @IsArray({ message: 'must be a list of at least one project' })
  @Type(() => ProjectDocument)
  projects!: ProjectDocument[];
}

const SECRET_FIELDS = ['username', 'password', 'clientId', 'clientSecret', 'webhookPublicKeys'];

/**
 * @param problems is given a line for each thing that is wrong, with its path in the file.
 * @returns undefined when the file cannot be read at all; unusable when there are problems.
 */
export function readDocument(path: string, problems: string[]): ConnectorDocument | undefined {
  const content = readYaml(path, problems);
  if (content === undefined) return undefined;
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    problems.push(`CONNECTOR_CONFIG ${path} must have the keys accounts and projects`);
    return undefined;
  }
  const unreadable = new Set<string>();
  for (const list of ['accounts', 'projects'] as const) {
    const items = (content as Record<string, unknown>)[list];
    if (!Array.isArray(items)) continue;
    items.forEach((item, index) => readSecretFiles(item, `${list}[${index}]`, unreadable, problems));
  }
  const document = plainToInstance(ConnectorDocument, content);
  const violations = violationsOf(document).filter((violation) => !unreadable.has(violation.path));
  problems.push(...violations.map(describeViolation), ...contradictionsOf(document));
  return document;
}

/** @returns undefined after a problem. */
function readYaml(path: string, problems: string[]): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    problems.push(`CONNECTOR_CONFIG ${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
    return undefined;
  }
  try {
    return parse(text) as unknown;
  } catch (error) {
    // The parser's message quotes the line, which may hold a secret.
    const where =
      error instanceof YAMLParseError
        ? `line ${error.linePos?.[0].line ?? '?'}: ${error.code}`
        : 'an alias has no anchor, or there are too many';
    problems.push(`CONNECTOR_CONFIG ${path} is not YAML (${where})`);
    return undefined;
  }
}

/** Puts the content of `passwordFile` into `password`, and so on. */
function readSecretFiles(item: unknown, path: string, unreadable: Set<string>, problems: string[]): void {
  if (typeof item !== 'object' || item === null) return;
  const fields = item as Record<string, unknown>;
  for (const name of SECRET_FIELDS) {
    const file = fields[`${name}File`];
    if (file === undefined) continue;
    delete fields[`${name}File`];
    const result =
      fields[name] !== undefined
        ? { problem: `and ${name} are both set; keep one` }
        : typeof file === 'string'
          ? readSecretFile(file)
          : { problem: 'must be the path of a readable file' };
    if (result.problem === undefined) {
      fields[name] = result.secret;
    } else {
      problems.push(`${path}.${name}File ${result.problem}`);
      unreadable.add(`${path}.${name}`);
    }
  }
}
