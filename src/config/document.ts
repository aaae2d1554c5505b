import { readFileSync } from 'node:fs';
import { Transform, Type, plainToInstance } from 'class-transformer';
import {
  ArrayNotEmpty,
  IsArray,
  IsBoolean,
  IsIn,
  IsNotEmpty,
  IsOptional,
  IsString,
  ValidateNested,
  validateSync,
} from 'class-validator';
import { YAMLParseError, parse } from 'yaml';
import type { OrderLookupField } from './connector-config.js';
import { describeViolations } from './problems.js';
import { splitPublicKeys } from './public-key.js';
import { ArePublicKeys, IsHttpUrl } from './rules.js';
import { readSecretFile } from './variables.js';

/** Setting names; `off` switches a mapping off. */
export class MappingSettingsDocument {
  @IsOptional() @IsString() order?: string;
  @IsOptional() @IsString() payment?: string;
  @IsOptional() @IsString() shipping?: string;
}

/** What may differ between retailers; what is left out comes from the account, then from the environment. */
export class RetailerOptionsDocument {
  /** Key of a project of the file; may be left out when there is only one. */
  @IsOptional() @IsString() project?: string;

  @IsOptional()
  @IsIn(['orderNumber', 'id'], { message: 'must be orderNumber or id' })
  orderLookup?: OrderLookupField;

  @IsOptional() @IsString() orderRefPrefix?: string;

  @IsOptional()
  @ValidateNested()
  @Type(() => MappingSettingsDocument)
  mappingSettings?: MappingSettingsDocument;
}

export class RetailerDocument extends RetailerOptionsDocument {
  // YAML reads 1 as a number; Fluent sends "1".
  @Transform(({ value }) => (typeof value === 'number' ? String(value) : (value as unknown)))
  @IsString({ message: 'must be the id of a retailer' })
  @IsNotEmpty({ message: 'must be the id of a retailer' })
  id!: string;
}

export class AccountDocument extends RetailerOptionsDocument {
  @IsNotEmpty({ message: 'is required' }) @IsString({ message: 'must be text' }) id!: string;
  @IsOptional() @IsHttpUrl() baseUrl?: string;
  @IsNotEmpty({ message: 'is required' }) @IsString({ message: 'must be text' }) username!: string;
  @IsNotEmpty({ message: 'is required' }) @IsString({ message: 'must be text' }) password!: string;
  @IsNotEmpty({ message: 'is required' }) @IsString({ message: 'must be text' }) clientId!: string;
  @IsNotEmpty({ message: 'is required' }) @IsString({ message: 'must be text' }) clientSecret!: string;

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

  /** Left out or empty: any retailer of the account. */
  @IsOptional()
  @IsArray({ message: 'must be a list' })
  @ValidateNested({ each: true })
  @Type(() => RetailerDocument)
  retailers?: RetailerDocument[];
}

export class ProjectDocument {
  @IsNotEmpty({ message: 'is required' }) @IsString({ message: 'must be text' }) key!: string;
  @IsNotEmpty({ message: 'is required' }) @IsString({ message: 'must be text' }) clientId!: string;
  @IsNotEmpty({ message: 'is required' }) @IsString({ message: 'must be text' }) clientSecret!: string;
  @IsHttpUrl() authUrl!: string;
  @IsHttpUrl() apiUrl!: string;
  @IsNotEmpty({ message: 'is required' }) @IsString({ message: 'must be text' }) scopes!: string;
}

/** The file that `CONNECTOR_CONFIG` names. */
export class ConnectorDocument {
  @ArrayNotEmpty({ message: 'must hold at least one account' })
  @IsArray({ message: 'must be a list' })
  @ValidateNested({ each: true })
  @Type(() => AccountDocument)
  accounts!: AccountDocument[];

  @ArrayNotEmpty({ message: 'must hold at least one project' })
  @IsArray({ message: 'must be a list' })
  @ValidateNested({ each: true })
  @Type(() => ProjectDocument)
  projects!: ProjectDocument[];
}

const SECRET_FIELDS = new Set(['username', 'password', 'clientId', 'clientSecret', 'webhookPublicKeys']);

/**
 * @param problems is given a line for each thing that is wrong, with its path in the file.
 * @returns undefined when the file cannot be read at all.
 */
export function readDocument(path: string, problems: string[]): ConnectorDocument | undefined {
  let content: unknown;
  try {
    content = parse(readFileSync(path, 'utf8'));
  } catch (error) {
    const reason =
      error instanceof YAMLParseError
        ? `is not YAML (line ${error.linePos?.[0].line ?? '?'}: ${error.code})`
        : `cannot be read (${(error as NodeJS.ErrnoException).code})`;
    problems.push(`CONNECTOR_CONFIG ${path} ${reason}`);
    return undefined;
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    problems.push(`CONNECTOR_CONFIG ${path} must have the keys accounts and projects`);
    return undefined;
  }
  const unreadable: string[] = [];
  for (const list of ['accounts', 'projects'] as const) {
    const items = (content as Record<string, unknown>)[list];
    if (!Array.isArray(items)) continue;
    items.forEach((item, index) => readSecretFiles(item, `${list}[${index}]`, unreadable));
  }
  const document = plainToInstance(ConnectorDocument, content);
  const violations = validateSync(document, { whitelist: true, forbidNonWhitelisted: true });
  problems.push(
    ...unreadable,
    ...new Set(
      describeViolations(violations)
        .map((line) => line.replace(/property should not exist$/, 'is no key of this file'))
        // A file that cannot be read was told already.
        .filter((line) => !unreadable.some((told) => told.startsWith(`${line.split(' ')[0]}File `))),
    ),
  );
  return document;
}

/** Puts the content of `passwordFile` into `password`, and so on. */
function readSecretFiles(item: unknown, path: string, problems: string[]): void {
  if (typeof item !== 'object' || item === null) return;
  const fields = item as Record<string, unknown>;
  for (const name of SECRET_FIELDS) {
    const file = fields[`${name}File`];
    if (file === undefined) continue;
    delete fields[`${name}File`];
    if (fields[name] !== undefined) {
      problems.push(`${path}.${name}File and ${name} are both set; keep one`);
    } else if (typeof file !== 'string') {
      problems.push(`${path}.${name}File must be a path`);
    } else {
      try {
        fields[name] = readSecretFile(file);
      } catch (error) {
        problems.push(
          `${path}.${name}File cannot be read: ${(error as NodeJS.ErrnoException).code} (${file})`,
        );
      }
    }
  }
}
