import type { Command } from 'commander';
import { FluentEvents } from '../../../fluent-events/index.js';
import { escapeControls } from '../../../escape-controls.js';
import { toDate, toLimit } from '../../arguments.js';
import { type Console, printLine } from '../../console.js';
import { type FluentOptions, scopeOf, withFluent, withFluentOptions } from '../../fluent-session.js';

interface Options extends FluentOptions {
  readonly name?: string;
  readonly status?: string;
  readonly type?: string;
  readonly category?: string;
  readonly order?: string;
  readonly rootEntityType?: string;
  readonly rootEntityId?: string;
  readonly entityType?: string;
  readonly entityId?: string;
  readonly entityRef?: string;
  readonly from?: Date;
  readonly to?: Date;
  readonly limit: number;
}

const MAX_PAGE_SIZE = 500;

export function eventsListCommand(command: Command, console: Console): void {
  withFluentOptions(command)
    .option('--name <name>')
    .option('--status <status>', 'PENDING, SCHEDULED, NO_MATCH, SUCCESS, FAILED or COMPLETE')
    .option('--type <type>', 'e.g. ORCHESTRATION, ORCHESTRATION_AUDIT')
    .option('--category <category>', 'e.g. ruleSet, rule, exception')
    .option('--order <ref>', 'everything about an order and its parts')
    .option('--root-entity-type <type>')
    .option('--root-entity-id <id>')
    .option('--entity-type <type>')
    .option('--entity-id <id>')
    .option('--entity-ref <ref>')
    .option('--from <time>', 'ISO 8601', toDate)
    .option('--to <time>', 'ISO 8601', toDate)
    .option('--limit <number>', 'how many at most', toLimit, 100)
    .action(async (options: Options) => {
      const { name, category, rootEntityId, entityType, entityId, entityRef, from, to, limit } = options;
      const filter = {
        name,
        category,
        eventStatus: options.status,
        eventType: options.type,
        retailerId: options.retailer,
        rootEntityType: options.rootEntityType ?? (options.order === undefined ? undefined : 'ORDER'),
        rootEntityId,
        rootEntityRef: options.order,
        entityType,
        entityId,
        entityRef,
        from,
        to,
      };
      await withFluent(console, async (services) => {
        const pageSize = Math.min(limit, MAX_PAGE_SIZE);
        const found = services
          .get(FluentEvents)
          .find(filter, { accountId: scopeOf(options).accountId, pageSize, signal: console.signal });
        let count = 0;
        for await (const event of found) {
          const { generatedOn = '-', eventStatus = '-', context, id } = event;
          const about = `${context.entityType ?? '-'} ${context.entityRef ?? context.entityId ?? '-'}`;
          const line = escapeControls([generatedOn, eventStatus.padEnd(9), event.name, about, id].join('  '));
          await printLine(console.stdout, options.json ? JSON.stringify(event) : line);
          count += 1;
          if (count === limit) return;
        }
        if (count === 0) await printLine(console.stderr, 'no event matches');
      });
    });
}
