import { Equals } from 'class-validator';
import { OptionalText, PlainObject, Text, optional } from './rules.js';

/** What every event may say beside what it must. */
export interface EventOptions {
  /** Taken from the options of the call, then from the configuration, when it is left out. */
  readonly accountId?: string;
  /** Taken from the options of the call, then from the configuration, when it is left out. */
  readonly retailerId?: string;
  readonly rootEntityId?: string;
  readonly rootEntityRef?: string;
}

/**
 * What all events into Fluent's workflows have in common. Use one of the typed events, or
 * {@link FluentEvent} for your own name.
 */
export abstract class EventEnvelope {
  abstract readonly name: string;
  @Text() accountId!: string;
  @Text() retailerId!: string;
  @Text() entityType!: string;
  @OptionalText() rootEntityId?: string;
  @OptionalText() rootEntityRef?: string;
}

/** The parts of a {@link FluentEvent}. */
export interface FluentEventFields extends EventOptions {
  /** What a ruleset of the workflow is called. */
  readonly name: string;
  readonly entityType: string;
  readonly entityId?: string;
  readonly entityRef?: string;
  readonly entitySubtype?: string;
  readonly rootEntityType?: string;
  readonly attributes?: Readonly<Record<string, unknown>>;
}

/**
 * An event with any name, for rulesets of your workflow.
 *
 * @example
 * new FluentEvent({ name: 'ParcelLost', entityType: 'ORDER', entityRef: 'HD_1', rootEntityType: 'ORDER' })
 */
export class FluentEvent extends EventEnvelope {
  @Text() name!: string;
  @OptionalText() entityId?: string;
  @OptionalText() entityRef?: string;
  @OptionalText() entitySubtype?: string;
  @OptionalText() rootEntityType?: string;
  @optional(PlainObject())
  attributes?: Readonly<Record<string, unknown>>;

  constructor(fields: FluentEventFields) {
    super();
    Object.assign(this, fields);
  }
}

/** The parts of an event about a fulfilment. */
export interface FulfilmentEventFields extends EventOptions {
  readonly entityId: string;
  readonly entityRef: string;
  /** e.g. `CC_PFS`. */
  readonly entitySubtype?: string;
}

/** An event about one fulfilment of an order. */
export abstract class FulfilmentEvent extends EventEnvelope {
  @Equals('FULFILMENT', { message: 'must be FULFILMENT' })
  override entityType = 'FULFILMENT';
  @Text() entityId!: string;
  @Text() entityRef!: string;
  @OptionalText() entitySubtype?: string;
  @Equals('ORDER', { message: 'must be ORDER' })
  rootEntityType = 'ORDER';
}

/** The parts of an event about a click-and-collect order. */
export interface OrderEventFields extends EventOptions {
  readonly entityId: string;
  readonly entityRef: string;
  /** `CC` when it is left out. */
  readonly entitySubtype?: string;
}

/** An event about a click-and-collect order. */
export abstract class OrderEvent extends EventEnvelope {
  @Equals('ORDER', { message: 'must be ORDER' })
  override entityType = 'ORDER';
  @Text() entityId!: string;
  @Text() entityRef!: string;
  @OptionalText() entitySubtype?: string = 'CC';
  @Equals('ORDER', { message: 'must be ORDER' })
  rootEntityType = 'ORDER';
}
