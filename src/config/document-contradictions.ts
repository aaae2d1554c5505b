import type { AccountDocument, ConnectorDocument, RetailerOptionsDocument } from './document.js';
import { hasSandboxUrl } from './variables.js';

/**
 * What no rule of a single field can see: names that are taken twice, projects that are not there.
 *
 * @param document may break any other rule; what has the wrong shape is passed over here.
 * @returns a line for each problem, beginning with its path.
 */
export function contradictionsOf(document: ConnectorDocument): string[] {
  const accounts = objects(document.accounts);
  const projects = objects(document.projects);
  const keys = [...new Set(projects.map(([, { key }]) => key).filter((key) => typeof key === 'string'))];
  return [
    ...duplicates(projects, 'projects', 'key'),
    ...duplicates(accounts, 'accounts', 'id'),
    ...accounts.flatMap(([index, account]) => {
      const path = `accounts[${index}]`;
      const retailers = objects(account.retailers);
      return [
        ...(account.baseUrl === undefined && typeof account.id === 'string' && !hasSandboxUrl(account.id)
          ? [`${path}.baseUrl is required, because the id cannot be part of a host name`]
          : []),
        ...duplicates(retailers, `${path}.retailers`, 'id'),
        ...projectProblems(account, retailers, path, keys),
      ];
    }),
  ];
}

/** The project of an account is the default of its retailers: it is missed only where it is needed. */
function projectProblems(
  account: AccountDocument,
  retailers: readonly (readonly [number, RetailerOptionsDocument])[],
  path: string,
  keys: readonly string[],
): string[] {
  const unknown = (project: unknown, where: string): string[] =>
    typeof project === 'string' && !keys.includes(project)
      ? [`${where}.project ${project} is none of the projects: ${keys.join(', ')}`]
      : [];
  const missing = (where: string): string[] =>
    account.project === undefined && keys.length > 1
      ? [`${where}.project is required, because there are several: ${keys.join(', ')}`]
      : [];
  return [
    ...unknown(account.project, path),
    ...(account.retailers === undefined ? missing(path) : []),
    ...retailers.flatMap(([index, { project }]) => {
      const where = `${path}.retailers[${index}]`;
      return project === undefined ? missing(where) : unknown(project, where);
    }),
  ];
}

function duplicates<T extends object>(
  items: readonly (readonly [number, T])[],
  path: string,
  name: keyof T & string,
): string[] {
  const first = new Map<unknown, number>();
  return items.flatMap(([index, { [name]: value }]) => {
    if (typeof value !== 'string') return [];
    const taken = first.get(value);
    if (taken !== undefined)
      return [`${path}[${index}].${name} ${value} is that of ${path}[${taken}] already`];
    first.set(value, index);
    return [];
  });
}

/** The items of a list that are objects, with their positions. */
function objects<T extends object>(list: readonly T[] | undefined): (readonly [number, T])[] {
  if (!Array.isArray(list)) return [];
  return [...(list as readonly T[]).entries()].filter(
    ([, item]) => typeof item === 'object' && item !== null,
  );
}
