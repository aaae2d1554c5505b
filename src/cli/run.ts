import { Command, CommanderError } from 'commander';
import { ConfigurationError, asError } from '../errors.js';
import { InvalidEventError } from '../fluent-events/index.js';
import { PACKAGE_NAME, PACKAGE_VERSION } from '../package-info.js';
import { eventsListCommand } from './commands/events-list.js';
import { eventsSendCommand } from './commands/events-send.js';
import { inventoryLoadCommand } from './commands/inventory-load.js';
import { inventoryStatusCommand } from './commands/inventory-status.js';
import { type Console, EXIT, UsageError, printLine } from './console.js';

/** Runs one command line. @returns the exit code; see {@link EXIT}. */
export async function run(args: readonly string[], console: Console): Promise<number> {
  let exitCode: number = EXIT.done;
  const end = (code: number): void => {
    exitCode = code;
  };
  try {
    await program(console, end).parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    if (console.signal.aborted) {
      await printLine(console.stderr, (console.signal.reason as Error).message);
      return EXIT.interrupted;
    }
    await printLine(console.stderr, `error: ${asError(error).message}`);
    const isUsage =
      error instanceof UsageError ||
      error instanceof InvalidEventError ||
      error instanceof ConfigurationError;
    return isUsage ? EXIT.usage : EXIT.failed;
  }
}

function program(console: Console, end: (code: number) => void): Command {
  const root = new Command(PACKAGE_NAME)
    .description(
      'Works with Fluent Order Management, with the configuration of the connector (.env, environment)',
    )
    .version(PACKAGE_VERSION)
    .showHelpAfterError('(--help tells what there is)');
  const events = root.command('events').description('events of Fluent workflows');
  events.addCommand(eventsSendCommand(console));
  events.addCommand(eventsListCommand(console));
  const inventory = root.command('inventory').description('stock figures');
  inventory.addCommand(inventoryLoadCommand(console, end));
  inventory.addCommand(inventoryStatusCommand(console));
  prepare(root, console);
  return root;
}

/** Commander gives these settings to commands that it creates itself, not to those that are added. */
function prepare(command: Command, console: Console): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => console.stdout.write(text),
    writeErr: (text) => console.stderr.write(text),
  });
  for (const child of command.commands) prepare(child, console);
}
