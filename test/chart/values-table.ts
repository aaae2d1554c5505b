import { type Pair, type YAMLMap, isMap, isScalar, parseDocument, stringify } from 'yaml';

/** A row of the README's table. */
interface ValueRow {
  readonly name: string;
  readonly preset: string;
  readonly meaning: string;
}

/**
 * Reads a values file in which a comment that begins with `--` explains the value below it.
 *
 * @returns the Markdown table of the values.
 * @throws Error for a value that nothing explains.
 */
export function valuesTable(yaml: string): string {
  const rows = rowsOf(parseDocument(yaml).contents as YAMLMap, '');
  return [
    '| value | default | meaning |',
    '| --- | --- | --- |',
    ...rows.map(({ name, preset, meaning }) => `| \`${name}\` | ${preset} | ${meaning} |`),
  ].join('\n');
}

function rowsOf(map: YAMLMap, prefix: string): ValueRow[] {
  return map.items.flatMap((pair, index) => {
    const key = pair.key as { value: string; commentBefore?: string };
    // The parser gives the comment above a map's first key to the map.
    const comment = key.commentBefore ?? (index === 0 ? map.commentBefore : undefined);
    const meaning = /(?:^|\n)\s*-- (.*)$/.exec(comment ?? '')?.[1];
    const name = prefix + key.value;
    if (meaning !== undefined) return [{ name, preset: presetOf(pair), meaning }];
    if (isMap(pair.value) && pair.value.items.length > 0) return rowsOf(pair.value, `${name}.`);
    throw new Error(`values.yaml does not explain ${name}`);
  });
}

function presetOf({ value }: Pair): string {
  if (isScalar(value) && value.value === '') return '–';
  const text = stringify(value, {
    collectionStyle: 'flow',
    flowCollectionPadding: false,
    lineWidth: 0,
    singleQuote: true,
  }).trim();
  return `\`${text}\``;
}
