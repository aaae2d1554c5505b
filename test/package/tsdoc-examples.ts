import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

/** An `@example` of a declaration of the package. */
export interface TsdocExample {
  /** Where it stands, e.g. `delivery/message-queue.d.ts:12`. */
  readonly place: string;
  readonly code: string;
}

/** @returns every `@example` in the declarations in a folder, as a reader of the package sees them. */
export function tsdocExamples(folder: string): TsdocExample[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.d.ts'))
    .toSorted()
    .flatMap((path) => {
      const text = readFileSync(join(folder, path), 'utf8');
      return [...text.matchAll(/^ *\* @example\n((?: *\*(?!\/| @(?:throws|param|returns)).*\n)+)/gm)].map(
        ({ 1: block = '', index }) => ({
          place: `${path}:${text.slice(0, index).split('\n').length}`,
          code: block.replaceAll(/^ *\* ?/gm, ''),
        }),
      );
    });
}

/** @returns the names that each declaration file exports, in the order of the files. */
export function exportedNames(files: readonly string[]): string[][] {
  const program = ts.createProgram(files, { module: ts.ModuleKind.NodeNext, skipLibCheck: true });
  const checker = program.getTypeChecker();
  return files.map((file) => {
    const source = program.getSourceFile(file);
    const symbol = source && checker.getSymbolAtLocation(source);
    return symbol ? checker.getExportsOfModule(symbol).map(({ name }) => name) : [];
  });
}

/** @returns the example as a module that imports what it names. */
export function moduleOf({ code }: TsdocExample, exported: ReadonlyMap<string, readonly string[]>): string {
  const words = new Set(code.match(/[A-Za-z_$][\w$]*/g));
  const declared = new Set(
    [...code.matchAll(/^(?:export )?(?:class|const) (\w+)/gm)].map(([, name]) => name),
  );
  const imports = [...exported].flatMap(([module, names]) => {
    const used = names.filter((name) => words.has(name) && !declared.has(name));
    return used.length > 0 ? [`import { ${used.join(', ')} } from '${module}';`] : [];
  });
  return [...imports, code, 'export {};', ''].join('\n');
}
