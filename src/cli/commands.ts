import type { Command } from 'commander';
import type { Console } from './console.js';

/** Adds arguments, options and action to a command. @param end takes the exit code; without a call it is 0. */
export type DefineCommand = (command: Command, console: Console, end: (code: number) => void) => void;

/** A command of the command line. */
export interface CommandEntry {
  /** As `--help` shows it: the group, the name, the arguments. */
  readonly usage: string;
  readonly description: string;
  /** Loads the code of the command, and nothing of the others. */
  readonly load: () => Promise<DefineCommand>;
}

/** What the commands of each group do. */
export const GROUPS: Readonly<Record<string, string>> = {
  'dead-letters': 'list, show, replay and discard notifications that failed for good',
  accounts: 'list Fluent accounts, and pause and resume the delivery of their notifications',
  settings: 'show the mapping settings that the connector uses, and make it read them again',
  mappings: 'keep the mapping settings in a file under version control',
  webhook: 'send a captured webhook again, or sign one',
  events: "send events into Fluent's workflows, and list them",
  inventory: 'load stock figures, and show the progress',
};

/** Every command, in the order of `--help`. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    usage: 'doctor',
    description: 'check the configuration and every system that the connector uses, and say what to change',
    load: async () => (await import('./commands/doctor.js')).doctorCommand,
  },
  {
    usage: 'overview',
    description:
      'show what all replicas did in the last minutes, the queue, and what holds notifications back',
    load: async () => (await import('./commands/overview.js')).overviewCommand,
  },
  {
    usage: 'order <ref>',
    description: "tell an order's story, compare both systems now, and say what to do",
    load: async () => (await import('./commands/order.js')).orderCommand,
  },
  {
    usage: 'sync <ref>',
    description: 'bring an order into agreement now',
    load: async () => (await import('./commands/sync.js')).syncCommand,
  },
  {
    usage: 'dead-letters list',
    description: 'list dead letters, newest first',
    load: async () => (await import('./commands/dead-letters/list.js')).deadLettersListCommand,
  },
  {
    usage: 'dead-letters show <id>',
    description: 'show one dead letter, and what to do about it',
    load: async () => (await import('./commands/dead-letters/show.js')).deadLettersShowCommand,
  },
  {
    usage: 'dead-letters replay [id]',
    description:
      'put dead letters back into the queue: one by its id, or all that match; without --yes, count them',
    load: async () => (await import('./commands/dead-letters/replay.js')).deadLettersReplayCommand,
  },
  {
    usage: 'dead-letters discard <id>',
    description: 'remove one dead letter permanently',
    load: async () => (await import('./commands/dead-letters/discard.js')).deadLettersDiscardCommand,
  },
  {
    usage: 'reconcile',
    description:
      'sync again all orders that Fluent updated in a range of time; a running connector does the work',
    load: async () => (await import('./commands/reconcile.js')).reconcileCommand,
  },
  {
    usage: 'accounts list',
    description: 'list the accounts: what waits, and what holds it back',
    load: async () => (await import('./commands/accounts.js')).accountsListCommand,
  },
  {
    usage: 'accounts pause <account>',
    description:
      'stop delivering the notifications of an account in all replicas; webhooks are still accepted',
    load: async () => (await import('./commands/accounts.js')).accountsPauseCommand,
  },
  {
    usage: 'accounts resume <account>',
    description: 'deliver the notifications of an account again',
    load: async () => (await import('./commands/accounts.js')).accountsResumeCommand,
  },
  {
    usage: 'settings list',
    description:
      'list the mapping settings: where they come from, how old they are, and what is wrong with them',
    load: async () => (await import('./commands/settings.js')).settingsListCommand,
  },
  {
    usage: 'settings refresh',
    description: 'read the mapping settings from Fluent again, in all replicas',
    load: async () => (await import('./commands/settings.js')).settingsRefreshCommand,
  },
  {
    usage: 'ignored',
    description: 'list the names of webhooks that no handler took',
    load: async () => (await import('./commands/ignored.js')).ignoredCommand,
  },
  {
    usage: 'setup',
    description: 'create the settings that are missing in Fluent, and print the workflow rule to install',
    load: async () => (await import('./commands/setup.js')).setupCommand,
  },
  {
    usage: 'mappings pull <file>',
    description: 'write the mapping settings of a retailer into a file',
    load: async () => (await import('./commands/mappings/pull.js')).mappingsPullCommand,
  },
  {
    usage: 'mappings check <file>',
    description: 'check a file of mappings; needs neither Fluent nor credentials',
    load: async () => (await import('./commands/mappings/check.js')).mappingsCheckCommand,
  },
  {
    usage: 'mappings diff <file>',
    description: 'show what `mappings push` would change; exit code 1 when there is a difference',
    load: async () => (await import('./commands/mappings/diff.js')).mappingsDiffCommand,
  },
  {
    usage: 'mappings push <file>',
    description:
      'write the mappings of a file to Fluent: only what differs, and only when all of them are valid',
    load: async () => (await import('./commands/mappings/push.js')).mappingsPushCommand,
  },
  {
    usage: 'webhook sign <file>',
    description: 'print a notification as a signed HTTP request, for tests with your own key pair',
    load: async () => (await import('./commands/webhook/sign.js')).webhookSignCommand,
  },
  {
    usage: 'webhook send <file>',
    description: 'send a captured request to a connector again, or sign a notification and send it',
    load: async () => (await import('./commands/webhook/send.js')).webhookSendCommand,
  },
  {
    usage: 'events send <name>',
    description: 'send an event into a workflow',
    load: async () => (await import('./commands/events/send.js')).eventsSendCommand,
  },
  {
    usage: 'events list',
    description: 'list events; without --from, Fluent looks back 30 days',
    load: async () => (await import('./commands/events/list.js')).eventsListCommand,
  },
  {
    usage: 'inventory load <file>',
    description:
      'load stock figures in batches; after an interruption the same command sends only what is missing',
    load: async () => (await import('./commands/inventory/load.js')).inventoryLoadCommand,
  },
  {
    usage: 'inventory status <job> [batch]',
    description: 'show a job and its batches, or one batch and why Fluent refused some of its entities',
    load: async () => (await import('./commands/inventory/status.js')).inventoryStatusCommand,
  },
  {
    usage: 'bundle <file>',
    description:
      'put a built application and its libraries into a few files, which start faster in less memory; needs rolldown',
    load: async () => (await import('./commands/bundle.js')).bundleCommand,
  },
];
