import { parseAllDocuments } from 'yaml';

/** A rendered Kubernetes object, looked into without types of its own. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Manifest = any;

/** @returns the objects of a rendered chart. */
export function manifestsOf(rendered: string): Manifest[] {
  return parseAllDocuments(rendered)
    .map((document): Manifest => document.toJS())
    .filter((manifest) => manifest !== null);
}

/** @returns the objects of one kind. */
export function ofKind(rendered: string, kind: string): Manifest[] {
  return manifestsOf(rendered).filter((manifest) => manifest.kind === kind);
}
