import { isDeepStrictEqual } from 'node:util';
import type { MappingKind } from '../../config/index.js';
import { settingNames } from '../../mapping/index.js';
import type { Cell, Output } from '../output.js';
import type { FluentSettingsEditor, StoredSetting, WritableContext } from './fluent-mappings.js';
import type { FileMapping } from './mapping-file.js';

/** What a push would write of one mapping. */
export interface MappingChange {
  readonly kind: MappingKind;
  readonly setting: string;
  readonly action: 'create' | 'update';
  /** Where it is written, e.g. `RETAILER 1`. */
  readonly context: string;
  /** Which setting decides now, when it is another one. */
  readonly now?: string;
  readonly entries: readonly EntryChange[];
  readonly value: unknown;
  readonly stored?: StoredSetting;
}

export interface EntryChange {
  readonly status: string;
  /** Absent when the entry is new. */
  readonly is?: unknown;
  /** Absent when the entry is removed. */
  readonly shouldBe?: unknown;
}

/** Compares the mappings of a file with those that decide in Fluent. */
export async function changesOf(
  mappings: readonly FileMapping[],
  editor: FluentSettingsEditor,
  context: WritableContext,
): Promise<readonly MappingChange[]> {
  const changes: MappingChange[] = [];
  for (const { kind, name, value } of mappings) {
    const found = await editor.find(settingNames(kind, editor.scope.mappingSettings[kind] ?? name));
    const change = changeOf({ kind, name, value }, found, context, editor.scope.retailerId);
    if (change) changes.push(change);
  }
  return changes;
}

function changeOf(
  { kind, name, value }: FileMapping,
  found: readonly StoredSetting[],
  context: WritableContext,
  retailerId: string,
): MappingChange | undefined {
  const [effective] = found;
  const stored = found.find((setting) => setting.context === context);
  // Where a more general setting has the same value, nothing needs to be written.
  const compared = stored ?? effective;
  if (compared && isDeepStrictEqual(compared.value, value)) return undefined;
  const decides = effective && effective !== stored ? `${effective.name} (${effective.context})` : undefined;
  return {
    kind,
    setting: stored?.name ?? name,
    action: stored ? 'update' : 'create',
    context: `${context} ${context === 'RETAILER' ? retailerId : 0}`,
    ...(decides !== undefined && { now: decides }),
    entries: entryChanges(entriesOf(compared?.value), entriesOf(value)),
    value,
    ...(stored && { stored }),
  };
}

function entryChanges(
  before: ReadonlyMap<string, unknown>,
  after: ReadonlyMap<string, unknown>,
): EntryChange[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((status) => {
    const [is, shouldBe] = [before.get(status), after.get(status)];
    if (is === shouldBe) return [];
    return [{ status, ...(is !== undefined && { is }), ...(shouldBe !== undefined && { shouldBe }) }];
  });
}

function entriesOf(value: unknown): ReadonlyMap<string, unknown> {
  const { fluent } = Object(value) as { fluent?: unknown };
  return new Map(typeof fluent === 'object' && fluent !== null ? Object.entries(fluent) : []);
}

export async function printChanges(changes: readonly MappingChange[], output: Output): Promise<void> {
  if (changes.length === 0) await output.line('Fluent has the mappings of the file');
  for (const { setting, action, context, now, entries } of changes) {
    const instead = now === undefined ? '' : `, in place of ${now}`;
    await output.line({ text: `${action} ${setting} (${context}${instead})`, colour: 'bold' });
    if (entries.length === 0) await output.line('  only other parts of the value differ');
    await output.table(
      [],
      entries.map(({ status, is, shouldBe }): Cell[] => [
        `  ${is === undefined ? '+' : shouldBe === undefined ? '-' : '~'}`,
        status,
        { text: textOf(is), colour: 'red' },
        { text: textOf(shouldBe), colour: 'green' },
      ]),
    );
  }
}

/** States are text; a value that is not is shown as JSON. */
function textOf(value: unknown): string {
  if (value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** For scripts: without the values of settings, which may have other parts. */
export function viewOf({ kind, setting, action, context, now, entries }: MappingChange): object {
  return { mapping: kind, setting, action, context, now, entries };
}
