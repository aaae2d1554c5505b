import type { Command } from 'commander';
import { withConnector } from '../../connector-session.js';
import { type Console, UsageError } from '../../console.js';
import { scopeOf } from '../../fluent-session.js';
import { FluentSettingsEditor } from '../../mappings/fluent-mappings.js';
import { changesOf, printChanges, viewOf } from '../../mappings/mapping-diff.js';
import { readMappingFile } from '../../mappings/mapping-file.js';
import { type MappingOptions, contextOption, withMappingOptions } from '../../mappings/mapping-options.js';
import { Output } from '../../output.js';

export function mappingsPushCommand(command: Command, console: Console): void {
  withMappingOptions(command)
    .argument('<file>')
    .addOption(contextOption())
    .option('--yes', 'write them; without it, only the differences are shown')
    .action(async (file: string, options: MappingOptions) => {
      const { context, yes = false } = options;
      const output = new Output(console, options.json === true);
      await withConnector(console, options, async ({ app }) => {
        const editor = new FluentSettingsEditor(app, scopeOf(options), console.signal);
        const { mappings, problems } = await readMappingFile(file, editor.scope.mappingSettings);
        if (problems.length > 0) {
          throw new UsageError(`${file} is not valid, so nothing was written:\n- ${problems.join('\n- ')}`);
        }
        const changes = await changesOf(mappings, editor, context);
        if (!output.isJson) await printChanges(changes, output);
        for (const { setting, value, stored } of yes ? changes : []) {
          await (stored ? editor.update(stored, value, context) : editor.create(setting, value, context));
        }
        if (output.isJson)
          await output.json({ changes: changes.map(viewOf), written: yes ? changes.length : 0 });
        else if (changes.length > 0) {
          await output.line(
            yes
              ? `written: ${changes.length}; the connector uses them within SETTINGS_CACHE_TTL`
              : 'nothing was written; add --yes to write this',
          );
        }
      });
    });
}
