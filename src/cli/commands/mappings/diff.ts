import type { Command } from 'commander';
import { withConnector } from '../../connector-session.js';
import { type Console, EXIT } from '../../console.js';
import { scopeOf } from '../../fluent-session.js';
import { FluentSettingsEditor } from '../../mappings/fluent-mappings.js';
import { changesOf, printChanges, viewOf } from '../../mappings/mapping-diff.js';
import { readMappingFile } from '../../mappings/mapping-file.js';
import { type MappingOptions, contextOption, withMappingOptions } from '../../mappings/mapping-options.js';
import { Output } from '../../output.js';

export function mappingsDiffCommand(command: Command, console: Console, end: (code: number) => void): void {
  withMappingOptions(command)
    .argument('<file>')
    .addOption(contextOption())
    .action(async (file: string, options: MappingOptions) => {
      const changes = await withConnector(console, options, async ({ app }) => {
        const editor = new FluentSettingsEditor(app, scopeOf(options), console.signal);
        const { mappings } = await readMappingFile(file, editor.scope.mappingSettings);
        return changesOf(mappings, editor, options.context);
      });
      const output = new Output(console, options.json === true);
      await (output.isJson ? output.json({ changes: changes.map(viewOf) }) : printChanges(changes, output));
      if (changes.length > 0) end(EXIT.failed);
    });
}
