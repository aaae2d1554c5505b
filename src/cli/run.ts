import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { Command, CommanderError } from 'commander';
import { ConfigurationError, asError } from '../errors.js';
import { PACKAGE_NAME, PACKAGE_VERSION } from '../package-info.js';
import { COMMANDS, GROUPS, type CommandEntry } from './commands.js';
import { type Console, EXIT, UsageError, printLine } from './console.js';

/** Runs one command line. @returns the exit code; see {@link EXIT}. */
export async function run(args: readonly string[], console: Console): Promise<number> {
  let exitCode: number = EXIT.done;
  const end = (code: number): void => {
    exitCode = code;
  };
  try {
    await program(console, end).parseAsync(withoutHelpCommand(args), { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    if (console.signal.aborted) {
      await printLine(console.stderr, (console.signal.reason as Error).message);
      return EXIT.interrupted;
    }
    await printLine(console.stderr, `error: ${asError(error).message}`);
    const isUsage = error instanceof UsageError || error instanceof ConfigurationError;
    return isUsage ? EXIT.usage : EXIT.failed;
  }
}

function program(given: Console, end: (code: number) => void): Command {
  const env: Record<string, string | undefined> = { ...given.env };
  const console = { ...given, env };
  const root = new Command(PACKAGE_NAME)
    .description('Checks, explains and corrects the connector, and works with Fluent Order Management')
    .version(PACKAGE_VERSION)
    .option('--env-file <file>', 'variables that the environment does not set')
    .hook('preAction', (command) => {
      const { envFile } = command.opts<{ envFile?: string }>();
      if (envFile === undefined) return;
      for (const [name, value] of Object.entries(readEnvFile(envFile))) env[name] ??= value;
    })
    .showHelpAfterError('(--help lists commands and options)');
  const groups = new Map<string, Command>();
  const entries = new Map<Command, CommandEntry>();
  const define = async (_parent: Command, command: Command): Promise<void> => {
    const entry = entries.get(command);
    if (entry) (await entry.load())(command, console, end);
  };
  root.hook('preSubcommand', define);
  for (const entry of COMMANDS) {
    const [first = '', second = ''] = entry.usage.split(' ');
    const description = GROUPS[first];
    let parent = root;
    if (description !== undefined) {
      const group =
        groups.get(first) ?? root.command(first).description(description).hook('preSubcommand', define);
      groups.set(first, group);
      parent = group;
    }
    const name = parent === root ? first : second;
    entries.set(parent.command(name).description(entry.description), entry);
  }
  prepare(root, console, (command) => {
    const usage = entries.get(command)?.usage;
    return usage?.slice(usage.indexOf(command.name())) ?? command.name();
  });
  return root;
}

/** Commander's own `help` shows a command before its options are loaded. */
function withoutHelpCommand(args: readonly string[]): readonly string[] {
  const at = args[0] !== undefined && args[0] in GROUPS ? 1 : 0;
  return args[at] === 'help' ? [...args.slice(0, at), ...args.slice(at + 1), '--help'] : args;
}

/** @throws UsageError when the file cannot be read; the message holds nothing of its content. */
function readEnvFile(path: string): NodeJS.Dict<string> {
  try {
    return parseEnv(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UsageError(`--env-file ${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** @param termOf what `--help` of the parent calls a command. */
function prepare(command: Command, console: Console, termOf: (command: Command) => string): void {
  command
    .exitOverride()
    .configureOutput({
      writeOut: (text) => console.stdout.write(text),
      writeErr: (text) => console.stderr.write(text),
    })
    .configureHelp({ subcommandTerm: termOf });
  for (const child of command.commands) prepare(child, console, termOf);
}
