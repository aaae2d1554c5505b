import type { Command } from 'commander';
import { type Console, EXIT } from '../../console.js';
import { readMappingFile, settingsOfEnvironment } from '../../mappings/mapping-file.js';
import { Output } from '../../output.js';

export function mappingsCheckCommand(command: Command, console: Console, end: (code: number) => void): void {
  command
    .argument('<file>')
    .option('--strict', 'also fail on statuses that one mapping has and another lacks')
    .option('--json', 'results as JSON')
    .action(async (file: string, { strict, json }: { strict?: boolean; json?: boolean }) => {
      const { mappings, problems, gaps } = await readMappingFile(file, settingsOfEnvironment(console.env));
      const isOk = problems.length === 0 && !(strict && gaps.length > 0);
      const output = new Output(console, json === true);
      if (output.isJson) {
        await output.json({
          ok: isOk,
          mappings: mappings.map(({ kind, name }) => ({ mapping: kind, name })),
          problems,
          gaps,
        });
      } else {
        for (const problem of problems) await output.line({ text: 'FAIL', colour: 'red' }, problem);
        for (const gap of gaps) await output.line({ text: 'WARN', colour: 'yellow' }, gap);
        if (isOk)
          await output.line({ text: 'pass', colour: 'green' }, `${mappings.length} mappings are valid`);
      }
      if (!isOk) end(EXIT.failed);
    });
}
