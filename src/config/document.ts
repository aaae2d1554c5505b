import type { KeyObject } from 'node:crypto';
import { Transform, Type } from 'class-transformer';
import {
  ArrayNotEmpty,
  IsArray,
  IsBoolean,
  IsOptional,
  IsString,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import type { OrderLookupField } from './connector-config.js';
import { IsHttpUrl, IsOrderLookup, IsRequiredText, PublicKeys } from './rules.js';

const TEXT = { message: 'must be text; put it in quotes' };
const BLOCK = { message: 'must hold keys and values' };

/** Setting names; `off` switches a mapping off. */
export class MappingSettingsDocument {
  @IsOptional() @IsString(TEXT) order?: string;
  @IsOptional() @IsString(TEXT) payment?: string;
  @IsOptional() @IsString(TEXT) shipping?: string;
}

/** Options of a retailer. What is missing comes from the account, then from the environment. */
export class RetailerOptionsDocument {
  /** Key of a project of the file; optional when there is only one. */
  @IsOptional() @IsString(TEXT) project?: string;

  @IsOptional()
  @IsOrderLookup()
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

  @PublicKeys()
  webhookPublicKeys!: KeyObject[];

  @IsOptional()
  @IsBoolean({ message: 'must be true or false' })
  allowMd5Signature?: boolean;

  /** `any` or missing: any retailer of the account. An empty list is refused, because it would open the account. */
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
