import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { Command, CommanderError } from 'commander';
import { ConfigurationError, asError } from '../errors.js';
import { InvalidEventError } from '../fluent-events/index.js';
import { PACKAGE_NAME, PACKAGE_VERSION } from '../package-info.js';
import { deadLettersDiscardCommand } from './commands/dead-letters/discard.js';
import { deadLettersListCommand } from './commands/dead-letters/list.js';
import { deadLettersReplayCommand } from './commands/dead-letters/replay.js';
import { deadLettersShowCommand } from './commands/dead-letters/show.js';
import { doctorCommand } from './commands/doctor.js';
import { eventsListCommand } from './commands/events-list.js';
import { eventsSendCommand } from './commands/events-send.js';
import { inventoryLoadCommand } from './commands/inventory-load.js';
import { inventoryStatusCommand } from './commands/inventory-status.js';
import { accountsCommand } from './commands/accounts.js';
import { reconcileCommand } from './commands/reconcile.js';
import { mappingsCheckCommand } from './commands/mappings/check.js';
import { mappingsDiffCommand } from './commands/mappings/diff.js';
import { mappingsPullCommand } from './commands/mappings/pull.js';
import { mappingsPushCommand } from './commands/mappings/push.js';
import { setupCommand } from './commands/setup.js';
import { orderCommand } from './commands/order.js';
import { syncCommand } from './commands/sync.js';
import { webhookSendCommand } from './commands/webhook/send.js';
import { webhookSignCommand } from './commands/webhook/sign.js';
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
  root.addCommand(doctorCommand(console, end));
  root.addCommand(orderCommand(console, end));
  root.addCommand(syncCommand(console));
  const deadLetters = root.command('dead-letters').description('notifications that failed for good');
  deadLetters.addCommand(deadLettersListCommand(console));
  deadLetters.addCommand(deadLettersShowCommand(console));
  deadLetters.addCommand(deadLettersReplayCommand(console));
  deadLetters.addCommand(deadLettersDiscardCommand(console));
  root.addCommand(reconcileCommand(console, end));
  root.addCommand(accountsCommand(console));
  root.addCommand(setupCommand(console));
  const mappings = root
    .command('mappings')
    .description('the mapping settings as one file under version control');
  mappings.addCommand(mappingsPullCommand(console));
  mappings.addCommand(mappingsCheckCommand(console, end));
  mappings.addCommand(mappingsDiffCommand(console, end));
  mappings.addCommand(mappingsPushCommand(console));
  const webhook = root.command('webhook').description("Fluent's webhooks");
  webhook.addCommand(webhookSignCommand(console));
  webhook.addCommand(webhookSendCommand(console, end));
  const events = root.command('events').description('events of Fluent workflows');
  events.addCommand(eventsSendCommand(console));
  events.addCommand(eventsListCommand(console));
  const inventory = root.command('inventory').description('stock figures');
  inventory.addCommand(inventoryLoadCommand(console, end));
  inventory.addCommand(inventoryStatusCommand(console));
  prepare(root, console);
  return root;
}

/** @throws UsageError when the file cannot be read; the message holds nothing of its content. */
function readEnvFile(path: string): NodeJS.Dict<string> {
  try {
    return parseEnv(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UsageError(`--env-file ${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** Commander gives these settings to commands that it creates itself, not to those that are added. */
function prepare(command: Command, console: Console): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => console.stdout.write(text),
    writeErr: (text) => console.stderr.write(text),
  });
  for (const child of command.commands) prepare(child, console);
}
