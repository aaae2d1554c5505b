import type { AccountDocument, ConnectorDocument, RetailerOptionsDocument } from './document.js';
import type { Violation } from './problems.js';
import { hasSandboxUrl } from './variables.js';

/**
 * Finds what is wrong between fields: names that are taken twice, projects that do not exist.
 *
 * @param document may break any other rule; a value of the wrong shape is ignored here.
 */
export function contradictionsOf(document: ConnectorDocument): Violation[] {
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
          ? [
              {
                path: `${path}.baseUrl`,
                message: 'is required, because the id cannot be part of a host name',
              },
            ]
          : []),
        ...duplicates(retailers, `${path}.retailers`, 'id'),
        ...projectProblems(account, retailers, path, keys),
      ];
    }),
  ];
}

/** The project of an account is the default of its retailers, so it is required only when one of them needs it. */
function projectProblems(
  account: AccountDocument,
  retailers: readonly (readonly [number, RetailerOptionsDocument])[],
  path: string,
  keys: readonly string[],
): Violation[] {
  const unknown = (project: unknown, where: string): Violation[] =>
    typeof project === 'string' && !keys.includes(project)
      ? [{ path: `${where}.project`, message: `${project} is not one of the projects: ${keys.join(', ')}` }]
      : [];
  const missing = (where: string): Violation[] =>
    account.project === undefined && keys.length > 1
      ? [
          {
            path: `${where}.project`,
            message: `is required, because there are several: ${keys.join(', ')}`,
          },
        ]
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
): Violation[] {
  const first = new Map<unknown, number>();
  return items.flatMap(([index, { [name]: value }]) => {
    if (typeof value !== 'string') return [];
    const taken = first.get(value);
    if (taken !== undefined)
      return [
        { path: `${path}[${index}].${name}`, message: `${value} is already that of ${path}[${taken}]` },
      ];
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
