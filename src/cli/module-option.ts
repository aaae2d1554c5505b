import type { Command } from 'commander';

/** Options of every command that can start the connector's services itself. */
export interface ModuleOptions {
  readonly module?: string;
}

/** Names the file in a partner's image, so that operators need not type it. */
export const MODULE_VARIABLE = 'CONNECTOR_MODULE';

export function withModuleOption(command: Command): Command {
  return command.option(
    '--module <file>',
    `the compiled module of your application, with your overrides (${MODULE_VARIABLE})`,
  );
}
