import type { Command } from 'commander';
import { ConnectorConfig } from '../../config/index.js';
import { settingNames } from '../../mapping/index.js';
import { withConnector } from '../connector-session.js';
import { type Console, UsageError } from '../console.js';
import { scopeOf } from '../fluent-session.js';
import { FluentSettingsEditor, type StoredSetting } from '../mappings/fluent-mappings.js';
import { KINDS } from '../mappings/mapping-file.js';
import { type MappingOptions, contextOption, withMappingOptions } from '../mappings/mapping-options.js';
import { REFERENCE_MAPPINGS } from '../mappings/reference-mappings.js';
import { type Cell, Output } from '../output.js';

interface Options extends MappingOptions {
  readonly webhookUrl?: string;
}

/** The name in Fluent's reference solution. */
const USUAL_NAME = 'fc.connect.order.webhook.order-status-update';

/** A setting that the connector, or the workflow rule, needs. */
interface Wanted {
  readonly names: readonly string[];
  /** Undefined when the command was not told. */
  readonly value?: unknown;
}

interface Step extends Wanted {
  readonly name: string;
  readonly found?: StoredSetting;
  readonly state: 'exists' | 'create' | 'needs --webhook-url';
}

export function setupCommand(command: Command, console: Console): void {
  withMappingOptions(command)
    .option('--webhook-url <address>', 'the public address of the webhook endpoint, for the rule SendWebhook')
    .addOption(contextOption())
    .option('--yes', 'create them; without it, only a preview is shown')
    .action(async (options: Options) => {
      const { context, yes = false, webhookUrl } = options;
      if (webhookUrl !== undefined && !/^https?:\/\/./.test(webhookUrl)) {
        throw new UsageError('--webhook-url must be the https:// address of the webhook endpoint');
      }
      await withConnector(console, options, async ({ app }) => {
        const editor = new FluentSettingsEditor(app, scopeOf(options), console.signal);
        const names = webhookNames(app.get(ConnectorConfig).orderStatusEventNames);
        const [eventName = ''] = names;
        const webhook = { names, ...(webhookUrl && { value: { name: eventName, url: webhookUrl } }) };
        const steps = await stepsOf([...mappingsOf(editor), webhook], editor);
        const missing = steps.filter(({ state }) => state === 'create');
        for (const { name, value } of yes ? missing : []) await editor.create(name, value, context);
        const rule = {
          name: `${editor.scope.account.id}.core.SendWebhook`,
          props: { setting: steps.at(-1)?.name },
        };
        const output = new Output(console, options.json === true);
        if (output.isJson) {
          const settings = steps.map(({ name, state, found }) => ({ name, state, context: found?.context }));
          await output.json({ settings, created: yes ? missing.length : 0, rule });
        } else {
          await print(steps, yes, rule, output);
        }
      });
    });
}

/** The setting has the name of the notification. */
function webhookNames(eventNames: readonly string[]): readonly string[] {
  return eventNames.includes(USUAL_NAME) ? [USUAL_NAME, ...eventNames] : eventNames;
}

function mappingsOf({ scope }: FluentSettingsEditor): Wanted[] {
  return KINDS.flatMap((kind) => {
    const configured = scope.mappingSettings[kind];
    return configured === undefined
      ? []
      : [{ names: settingNames(kind, configured), value: REFERENCE_MAPPINGS[kind] }];
  });
}

async function stepsOf(wanted: readonly Wanted[], editor: FluentSettingsEditor): Promise<Step[]> {
  const steps: Step[] = [];
  for (const { names, value } of wanted) {
    const [found] = await editor.find(names);
    const state = found ? 'exists' : value === undefined ? 'needs --webhook-url' : 'create';
    steps.push({ names, value, name: found?.name ?? names[0] ?? '', state, ...(found && { found }) });
  }
  return steps;
}

async function print(steps: readonly Step[], isDone: boolean, rule: object, output: Output): Promise<void> {
  await output.table(
    ['SETTING', 'STATE'],
    steps.map(({ name, state, found }): Cell[] => [
      name,
      found
        ? { text: `exists (${found.context} ${found.contextId})`, colour: 'green' }
        : { text: state === 'create' ? (isDone ? 'created' : 'would be created') : state, colour: 'yellow' },
    ]),
  );
  await output.line();
  if (!isDone && steps.some(({ state }) => state === 'create')) {
    await output.line(
      'nothing was written; add --yes to create what is missing, then adapt the mappings with `mappings pull`',
    );
  }
  await output.line(
    'Add this rule to every ruleset that changes the status of an order, after the rule that changes it:',
  );
  for (const line of JSON.stringify(rule, undefined, 2).split('\n')) await output.line(line);
}
