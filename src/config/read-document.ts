import { readFileSync } from 'node:fs';
import { plainToInstance } from 'class-transformer';
import { YAMLParseError, parse } from 'yaml';
import { ConnectorDocument } from './document.js';
import { contradictionsOf } from './document-contradictions.js';
import { type Violation, violationsOf } from './problems.js';
import { readSecretFile } from './variables.js';

/** The variable that names the file. */
const VARIABLE = 'CONNECTOR_CONFIG';
const SECRET_FIELDS = ['username', 'password', 'clientId', 'clientSecret', 'webhookPublicKeys'];

/**
 * @param problems collects a violation for each value that is wrong; its path is the one in the file.
 * @returns undefined when the file cannot be read at all; unusable when there are problems.
 */
export function readDocument(path: string, problems: Violation[]): ConnectorDocument | undefined {
  const content = readYaml(path, problems);
  if (content === undefined) return undefined;
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    problems.push({ path: VARIABLE, message: `${path} must have the keys accounts and projects` });
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
  problems.push(...violations, ...contradictionsOf(document));
  return document;
}

/** @returns undefined after a problem. */
function readYaml(path: string, problems: Violation[]): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    problems.push({ path: VARIABLE, message: `${path} cannot be read (${code})` });
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
    problems.push({ path: VARIABLE, message: `${path} is not YAML (${where})` });
    return undefined;
  }
}

/** Puts the content of `passwordFile` into `password`, and so on. */
function readSecretFiles(item: unknown, path: string, unreadable: Set<string>, problems: Violation[]): void {
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
      problems.push({ path: `${path}.${name}File`, message: result.problem });
      unreadable.add(`${path}.${name}`);
    }
  }
}
