import { createHash } from 'node:crypto';
import { extname } from 'node:path';
import { CsvError, parse } from 'csv-parse';
import { isJsonObject } from '../json.js';
import type { InventoryEntity } from '../fluent-batches/index.js';
import { UsageError } from './console.js';
import { openFile, readJson } from './input-file.js';

/** A JSON file is read as a whole; larger ones come as CSV or JSON lines, which are read as they are needed. */
const MAX_JSON_BYTES = 64 * 1024 * 1024;
const MAX_LINE_BYTES = 1024 * 1024;
/** The integer fields of the contract. Its samples write them as text, so both forms are accepted. */
const NUMERIC_FIELDS = ['qty', 'correctedQty', 'reservedQty'] as const;
const DECIMAL = /^-?\d+(\.\d+)?$/;
/** The check stops after this many wrong entities. */
const MAX_PROBLEMS = 20;

/** A file that was read through once. */
export interface CheckedFile {
  readonly entities: number;
  /** Names the content: the same entities in the same order have the same. */
  readonly fingerprint: string;
}

/**
 * Reads entities from a `.csv` file with a header, a `.json` file with a list, or a `.jsonl`/`.ndjson` file with
 * one object a line. `qty`, `correctedQty` and `reservedQty` become numbers, all else stays as it is (a SKU may have leading
 * zeros). Empty fields of CSV are left out.
 *
 * @throws UsageError when the file or an entity is wrong
 */
export async function* readInventory(path: string): AsyncGenerator<InventoryEntity> {
  for await (const { entity, place } of rawEntities(path)) {
    const problem = problemOf(entity);
    if (problem) throw new UsageError(`${path}: ${place}: ${problem}`);
    yield entity as InventoryEntity;
  }
}

/** @throws UsageError that names the first twenty entities that are wrong */
export async function checkInventory(path: string): Promise<CheckedFile> {
  const problems: string[] = [];
  const hash = createHash('sha256');
  let entities = 0;
  for await (const { entity, place } of rawEntities(path)) {
    entities += 1;
    hash.update(`${JSON.stringify(entity)}\n`);
    const problem = problemOf(entity);
    if (problem) problems.push(`${place}: ${problem}`);
    if (problems.length === MAX_PROBLEMS) break;
  }
  if (problems.length > 0) throw new UsageError(`${path} was not loaded:\n- ${problems.join('\n- ')}`);
  if (entities === 0) throw new UsageError(`${path} holds no entities`);
  return { entities, fingerprint: hash.digest('hex') };
}

/** An entity as it is written, and where: `line 3` or `entity 2`. */
interface WrittenEntity {
  readonly entity: unknown;
  readonly place: string;
}

async function* rawEntities(path: string): AsyncGenerator<WrittenEntity> {
  for await (const { entity, place } of written(path)) yield { entity: withNumbers(entity), place };
}

function written(path: string): AsyncIterable<WrittenEntity> {
  switch (extname(path).toLowerCase()) {
    case '.csv':
      return fromCsv(path);
    case '.json':
      return fromJson(path);
    case '.jsonl':
    case '.ndjson':
      return fromLines(path);
    default:
      throw new UsageError(`${path} must end with .csv, .json, .jsonl or .ndjson`);
  }
}

async function* fromCsv(path: string): AsyncGenerator<WrittenEntity> {
  const source = (await openFile(path)).createReadStream();
  const parser = source.pipe(
    parse({
      bom: true,
      columns: (header: string[]) => checkedHeader(path, header),
      info: true,
      skip_empty_lines: true,
      trim: true,
      max_record_size: MAX_LINE_BYTES,
    }),
  );
  // `pipe` does not forward errors.
  source.once('error', (error) => parser.destroy(error));
  try {
    for await (const { record, info } of parser as AsyncIterable<Row>) {
      const entity = Object.fromEntries(Object.entries(record).filter(([, value]) => value !== ''));
      yield { entity, place: `line ${info.lines}` };
    }
  } catch (error) {
    if (error instanceof CsvError)
      throw new UsageError(`${path} is not CSV: ${error.code} at line ${String(error['lines'])}`);
    throw error;
  } finally {
    source.destroy();
  }
}

interface Row {
  readonly record: Readonly<Record<string, string>>;
  readonly info: { readonly lines: number };
}

/** Spreadsheets of many countries separate with semicolons. */
function checkedHeader(path: string, header: string[]): string[] {
  if (header.length === 1 && header[0]?.includes(';')) {
    throw new UsageError(`${path} separates its columns with semicolons; save it as CSV with commas`);
  }
  return header;
}

async function* fromJson(path: string): AsyncGenerator<WrittenEntity> {
  const content = await readJson(path, process.stdin, MAX_JSON_BYTES);
  if (!Array.isArray(content)) throw new UsageError(`${path} must hold a list of entities`);
  for (const [index, entity] of content.entries()) yield { entity, place: `entity ${index + 1}` };
}

async function* fromLines(path: string): AsyncGenerator<WrittenEntity> {
  let number = 0;
  for await (const line of linesOf(path)) {
    number += 1;
    if (line.trim() === '') continue;
    try {
      yield { entity: JSON.parse(line), place: `line ${number}` };
    } catch (error) {
      if (error instanceof SyntaxError) throw new UsageError(`${path} has no JSON in line ${number}`);
      throw error;
    }
  }
}

/** Unlike Node's readline, bounded: a file without line breaks must not fill the memory. */
async function* linesOf(path: string): AsyncGenerator<string> {
  const source = (await openFile(path)).createReadStream({ encoding: 'utf8' });
  let rest = '';
  for await (const chunk of source as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE_BYTES)
      throw new UsageError(`${path} has a line of more than ${MAX_LINE_BYTES} bytes`);
    yield* lines;
  }
  yield rest;
}

function problemOf(entity: unknown): string | undefined {
  if (!isJsonObject(entity)) return 'must be an object';
  const { locationRef, skuRef, qty } = entity;
  const problems = [
    typeof locationRef === 'string' && locationRef !== '' ? [] : ['locationRef is required'],
    typeof skuRef === 'string' && skuRef !== '' ? [] : ['skuRef is required'],
    qty === undefined ? ['qty is required'] : [],
    NUMERIC_FIELDS.filter((name) => entity[name] !== undefined && !Number.isFinite(entity[name])).map(
      (name) => `${name} must be a number`,
    ),
  ].flat();
  return problems.length > 0 ? problems.join(', ') : undefined;
}

/** Text that is not a number stays text, so the check names it. */
function withNumbers(entity: unknown): unknown {
  if (!isJsonObject(entity)) return entity;
  const numbers = NUMERIC_FIELDS.map((name) => [name, entity[name]] as const).filter(
    ([, value]) => typeof value === 'string' && DECIMAL.test(value.trim()),
  );
  return { ...entity, ...Object.fromEntries(numbers.map(([name, value]) => [name, Number(value)])) };
}
