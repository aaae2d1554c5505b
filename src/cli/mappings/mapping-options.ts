import { type Command, Option } from 'commander';
import { type ModuleOptions, withModuleOption } from '../module-option.js';
import { type FluentOptions, withFluentOptions } from '../fluent-session.js';
import type { WritableContext } from './fluent-mappings.js';

/** Options of the commands that read or write settings of a retailer. */
export interface MappingOptions extends FluentOptions, ModuleOptions {
  readonly context: WritableContext;
  readonly yes?: boolean;
}

export function withMappingOptions(command: Command): Command {
  return withModuleOption(withFluentOptions(command));
}

export function contextOption(): Option {
  return new Option(
    '--context <context>',
    'which setting to write: of the retailer, or of all retailers of the account',
  )
    .choices(['RETAILER', 'ACCOUNT'])
    .default('RETAILER');
}
