import type { Command } from 'commander';
import { settingNames } from '../../../mapping/index.js';
import { withConnector } from '../../connector-session.js';
import { type Console, printLine } from '../../console.js';
import { scopeOf } from '../../fluent-session.js';
import { FluentSettingsEditor } from '../../mappings/fluent-mappings.js';
import { type FileMapping, KINDS, mappingText, writeMappingFile } from '../../mappings/mapping-file.js';
import { type MappingOptions, withMappingOptions } from '../../mappings/mapping-options.js';
import { Output } from '../../output.js';

export function mappingsPullCommand(command: Command, console: Console): void {
  withMappingOptions(command)
    .argument('<file>', 'YAML with setting names as keys; - prints it')
    .action(async (file: string, options: MappingOptions) => {
      const { mappings, missing } = await withConnector(console, options, async ({ app }) => {
        const editor = new FluentSettingsEditor(app, scopeOf(options), console.signal);
        const found: FileMapping[] = [];
        const absent: string[] = [];
        for (const kind of KINDS) {
          const configured = editor.scope.mappingSettings[kind];
          if (configured === undefined) continue;
          const [setting] = await editor.find(settingNames(kind, configured));
          if (setting) found.push({ kind, name: setting.name, value: setting.value });
          else absent.push(configured);
        }
        return { mappings: found, missing: absent };
      });
      for (const name of missing) {
        await printLine(
          console.stderr,
          `warning: setting ${name} does not exist; run \`setup\` to create it`,
        );
      }
      if (file === '-') {
        console.stdout.write(mappingText(mappings));
        return;
      }
      await writeMappingFile(file, mappings);
      const output = new Output(console, options.json === true);
      const names = mappings.map(({ name }) => name);
      await (output.isJson
        ? output.json({ written: names, missing })
        : output.line(`${names.length} mappings written to`, file));
    });
}
