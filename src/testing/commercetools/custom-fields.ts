import { CommercetoolsApiError } from './commercetools-api-error.js';
import type { CustomFieldsRecord } from './order-record.js';
import type { CommercetoolsTypeRecord, EmulatedFieldType, ProjectState } from './project-state.js';

/** A custom field of an update action: its value is JSON as text, and without one the field is removed. */
export interface FieldInput {
  readonly name: string;
  readonly value?: string | null;
}

/** The type of custom fields, with their first values, of an update action or a draft. */
export interface CustomTypeInput {
  readonly type?: { readonly id?: string | null; readonly key?: string | null } | null;
  readonly typeKey?: string | null;
  readonly typeId?: string | null;
  readonly fields?: readonly FieldInput[] | null;
}

const CHECKS: Readonly<Record<EmulatedFieldType, (value: unknown) => boolean>> = {
  String: (value) => typeof value === 'string',
  Boolean: (value) => typeof value === 'boolean',
  Number: (value) => typeof value === 'number',
  DateTime: (value) => typeof value === 'string' && !Number.isNaN(Date.parse(value)),
};

/**
 * @returns the custom fields, or null when no type is named.
 * @throws CommercetoolsApiError when the project has types, and not this one with these fields.
 */
export function customFields(
  { type, typeKey, typeId, fields }: CustomTypeInput,
  project: ProjectState,
): CustomFieldsRecord | null {
  const identifier = { id: type?.id ?? typeId, key: type?.key ?? typeKey };
  const name = identifier.key ?? identifier.id;
  if (name == null) return null;
  const definition = project.existingType(identifier);
  const entries = (fields ?? []).map((field) => [field.name, valueOf(field, definition)]);
  return { type: definition?.key ?? name, fields: Object.fromEntries(entries) as Record<string, unknown> };
}

/**
 * @param owner for the message.
 * @returns the custom fields with one of them changed.
 * @throws CommercetoolsApiError when the owner has no type, or its type not this field.
 */
export function withField(
  custom: CustomFieldsRecord | null,
  field: FieldInput,
  owner: string,
  project: ProjectState,
): CustomFieldsRecord {
  if (!custom) {
    const message = `${owner} has no custom type, so a custom field cannot be set`;
    throw new CommercetoolsApiError('InvalidOperation', message);
  }
  const fields = { ...custom.fields };
  const value = valueOf(field, project.type({ key: custom.type }));
  if (value === undefined) delete fields[field.name];
  else fields[field.name] = value;
  return { ...custom, fields };
}

function valueOf({ name, value: text }: FieldInput, definition?: CommercetoolsTypeRecord): unknown {
  const type = definition?.fields[name];
  if (definition && type === undefined) {
    const message = `The field '${name}' is not defined for type '${definition.key}'.`;
    throw new CommercetoolsApiError('InvalidField', message, { field: name });
  }
  if (text == null) return undefined;
  const value = parseJsonText(name, text);
  if (type === undefined || CHECKS[type](value)) return value;
  const message = `The value ${text} is not valid for field '${name}', which is of the type ${type}.`;
  throw new CommercetoolsApiError('InvalidField', message, { field: name, invalidValue: value });
}

function parseJsonText(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new CommercetoolsApiError('InvalidInput', `the value of the custom field '${name}' is not JSON`);
  }
}
