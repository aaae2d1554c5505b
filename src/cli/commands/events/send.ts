import type { INestApplicationContext } from '@nestjs/common';
import { type Command, Option } from 'commander';
import {
  ConfirmParcels,
  type EventEnvelope,
  FluentEvent,
  FluentEvents,
  FulfilmentEvent,
  FulfilmentPack,
  InvalidEventError,
  OrderAppeasement,
  OrderCancel,
  OrderRevision,
  WaveDispatchInitiated,
  WavePack,
} from '../../../fluent-events/index.js';
import { FluentEndpoints, FluentGraphql, ORDER_BY_REF } from '../../../fluent/index.js';
import { type Console, UsageError, printLine } from '../../console.js';
import { type FluentOptions, scopeOf, withFluent, withFluentOptions } from '../../fluent-session.js';
import { readJson } from '../../input-file.js';

interface Options extends FluentOptions {
  readonly order?: string;
  readonly attributes?: string;
  readonly sync?: boolean;
  readonly entityType?: string;
  readonly entityId?: string;
  readonly entityRef?: string;
  readonly entitySubtype?: string;
  readonly rootEntityType?: string;
  readonly rootEntityId?: string;
  readonly rootEntityRef?: string;
}

/** The events that the command validates. It sends events with other names unchecked. */
const TYPED = new Map<string, new (fields: never) => EventEnvelope>([
  ['ConfirmParcels', ConfirmParcels],
  ['FulfilmentPack', FulfilmentPack],
  ['OrderAppeasement', OrderAppeasement],
  ['OrderCancel', OrderCancel],
  ['OrderRevision', OrderRevision],
  ['WaveDispatchInitiated', WaveDispatchInitiated],
  ['WavePack', WavePack],
]);
const MAX_ATTRIBUTES_BYTES = 2 * 1024 * 1024;

export function eventsSendCommand(command: Command, console: Console): void {
  withFluentOptions(command)
    .argument('<name>', `${[...TYPED.keys()].join(', ')}, or any other name`)
    .option('--order <ref>', 'the order that the event is about, or whose fulfilment it is about')
    .option('--attributes <file>', 'JSON object; - reads standard input')
    .option('--sync', 'wait until the workflow has run')
    .option('--entity-type <type>', 'what the event is about when it is not the order, e.g. FULFILMENT')
    .option('--entity-id <id>')
    .option('--entity-ref <ref>')
    .option('--entity-subtype <type>', 'default: the type of the order')
    .addOption(
      new Option('--root-entity-type <type>', 'whose workflow it is, when it is not an order').conflicts(
        'order',
      ),
    )
    .addOption(new Option('--root-entity-id <id>').conflicts('order'))
    .addOption(new Option('--root-entity-ref <ref>').conflicts('order'))
    .action(async (name: string, options: Options) => {
      const attributes =
        options.attributes === undefined
          ? undefined
          : await readJson(options.attributes, console.stdin, MAX_ATTRIBUTES_BYTES);
      const mode = options.sync ? 'sync' : 'async';
      const sent = await withFluent(console, async (services) => {
        const event = await eventOf(name, attributes, options, services, console.signal);
        return services.get(FluentEvents).send(event, { ...scopeOf(options), mode, signal: console.signal });
      }).catch((error: unknown) => {
        throw error instanceof InvalidEventError ? new UsageError(error.message, { cause: error }) : error;
      });
      const text = `${name}: ${sent.eventStatus ?? 'accepted'}${sent.eventId ? `, event ${sent.eventId}` : ''}`;
      await printLine(console.stdout, options.json ? JSON.stringify({ name, mode, ...sent }) : text);
    });
}

async function eventOf(
  name: string,
  attributes: unknown,
  options: Options,
  services: INestApplicationContext,
  signal: AbortSignal,
): Promise<EventEnvelope> {
  const type = TYPED.get(name);
  const { order: ref, entityId, entityRef, entitySubtype } = options;
  const isAboutFulfilment = type?.prototype instanceof FulfilmentEvent;
  const entityType = options.entityType ?? (isAboutFulfilment ? 'FULFILMENT' : 'ORDER');
  // Only the id of the order itself is known. It must not be sent as the id of a fulfilment.
  const isNamed = entityId !== undefined || entityRef !== undefined;
  if (!isNamed && entityType !== 'ORDER') {
    throw new UsageError(`${name} is about a ${entityType}; name it with --entity-id and --entity-ref`);
  }
  if (!isNamed && ref === undefined) {
    throw new UsageError('name what the event is about: --order, or --entity-id and --entity-ref');
  }
  const rootEntityType = rootEntityTypeOf(entityType, options);
  const order = ref === undefined ? undefined : await findOrder(ref, options, services, signal);
  const about =
    order && !isNamed
      ? { entityId: order.id, entityRef: ref, entitySubtype: entitySubtype ?? order.type }
      : { entityId, entityRef, entitySubtype };
  const given = Object.fromEntries(
    Object.entries({
      ...about,
      entityType,
      rootEntityType,
      rootEntityId: order?.id ?? options.rootEntityId,
      rootEntityRef: ref ?? options.rootEntityRef,
      attributes,
    }).filter(([, value]) => value !== undefined),
  );
  return type ? new type(given as never) : new FluentEvent({ name, entityType, ...given });
}

/** @throws UsageError for an entity without a known root entity */
function rootEntityTypeOf(entityType: string, { order, rootEntityType }: Options): string {
  if (rootEntityType !== undefined) return rootEntityType;
  if (order !== undefined || entityType === 'ORDER' || entityType === 'FULFILMENT') return 'ORDER';
  throw new UsageError(
    `name whose workflow takes an event about a ${entityType}: --root-entity-type, e.g. ${entityType}, or --order`,
  );
}

/** Refs are unique within a retailer. */
async function findOrder(
  ref: string,
  options: Options,
  services: INestApplicationContext,
  signal: AbortSignal,
): Promise<{ id: string; type: string }> {
  const scope = services.get(FluentEndpoints).retailerOf(scopeOf(options));
  const { orders } = await services.get(FluentGraphql).query(ORDER_BY_REF, { ref }, { ...scope, signal });
  const found = orders?.edges?.find((edge) => edge?.node?.retailer?.id === scope.retailerId)?.node;
  if (found) return found;
  throw new Error(`retailer ${scope.retailerId} of Fluent account ${scope.accountId} has no order ${ref}`);
}
