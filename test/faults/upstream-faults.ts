import { type FaultEffect, SeededRandom } from '../../src/testing/index.js';

/** Where a fault can be: which calls of which system it hits. */
export interface Place {
  readonly name: string;
  readonly system: 'fluent' | 'commercetools';
  /** As `FaultScope.operation`; without any, the whole server. */
  readonly operations: readonly string[];
  /** Its calls are measured under another name than the system's. */
  readonly target?: 'fluent-audit-log';
  /** Whether tokens are asked for here: those that are held are revoked when a fault begins. */
  readonly hasTokens?: boolean;
}

const FLUENT = { name: 'Fluent', system: 'fluent', operations: [], hasTokens: true } as const;
const FLUENT_API = { name: "Fluent's API", system: 'fluent', operations: ['graphql'] } as const;
const EVENT_API = {
  name: "Fluent's Event API",
  system: 'fluent',
  operations: ['rest'],
  target: 'fluent-audit-log',
} as const;
const FLUENT_TOKENS = {
  name: "Fluent's token endpoint",
  system: 'fluent',
  operations: ['token'],
  hasTokens: true,
} as const;
const COMMERCETOOLS = {
  name: 'commercetools',
  system: 'commercetools',
  operations: [],
  hasTokens: true,
} as const;
const READS = { name: "commercetools' reads", system: 'commercetools', operations: ['order'] } as const;
const WRITES = {
  name: "commercetools' writes",
  system: 'commercetools',
  operations: ['updateOrder'],
} as const;
const COMMERCETOOLS_TOKENS = {
  name: "commercetools' token endpoint",
  system: 'commercetools',
  operations: ['token'],
  hasTokens: true,
} as const;

const SERVERS = [FLUENT, COMMERCETOOLS] as const;
const APIS = [FLUENT_API, READS, WRITES] as const;
const ENDPOINTS = [...APIS, EVENT_API, FLUENT_TOKENS, COMMERCETOOLS_TOKENS] as const;

/**
 * What shows the fault to an operator while it lasts.
 *
 * - `upstream`: `/health` shows the target as degraded, and its calls fail in the metrics.
 * - `queue`: only the retried notifications. After 15 minutes, `/health` and an alert report the oldest one.
 * - `history`: orders are shown while it lasts, and the metrics count syncs without a history. A state whose mapping has
 *   no entry for the present status can stay behind.
 * - `none`: nothing fails, and orders stay up to date while it lasts.
 */
export type Signal = 'upstream' | 'queue' | 'history' | 'none';

/** One row of the table: a fault, where it can be, and what is promised while it lasts. */
export interface UpstreamFault {
  readonly name: string;
  readonly places: readonly Place[];
  /** `down`: the server's port is closed. */
  readonly effect: FaultEffect | 'down';
  /** Only the first requests are hit. */
  readonly times?: number;
  readonly signal: Signal | ((place: Place) => Signal);
  /** Its notifications become dead letters at once, because an operator has to act first and replays them then. */
  readonly isDeadAtOnce?: true;
}

/** Half of the calls to a place with reads and writes still succeed, so that the last call may have been one of these. */
const unlessOnlyWrites = ({ name }: Place): Signal => (name === WRITES.name ? 'queue' : 'upstream');

/** Every fault of an upstream that is tested, alone and with every other one. */
export const UPSTREAM_FAULTS: readonly UpstreamFault[] = [
  { name: 'refuses connections', places: SERVERS, effect: 'down', signal: 'upstream' },
  { name: 'resets before it executes', places: ENDPOINTS, effect: { kind: 'reset' }, signal: 'upstream' },
  { name: 'resets after the write', places: [WRITES], effect: { kind: 'uncertain' }, signal: 'queue' },
  {
    name: 'resets in the middle of its answer',
    places: ENDPOINTS,
    effect: { kind: 'cut' },
    // A write is done by then, and the run that repeats it finds nothing to do.
    signal: unlessOnlyWrites,
  },
  { name: 'hangs', places: ENDPOINTS, effect: { kind: 'hang' }, signal: 'upstream' },
  { name: 'is slow', places: ENDPOINTS, effect: { kind: 'latency', ms: 100 }, signal: 'none' },
  {
    name: '500 with JSON',
    places: ENDPOINTS,
    effect: { kind: 'error' },
    signal: unlessOnlyWrites,
  },
  {
    name: '500 General after the write',
    places: [WRITES],
    effect: { kind: 'uncertain', answer: 'general' },
    signal: 'queue',
  },
  { name: '502 with JSON', places: ENDPOINTS, effect: { kind: 'error', status: 502 }, signal: 'upstream' },
  {
    name: '503 with JSON (S0020E, OverCapacity)',
    places: ENDPOINTS,
    effect: { kind: 'error', status: 503 },
    signal: 'upstream',
  },
  { name: '504 with JSON', places: ENDPOINTS, effect: { kind: 'error', status: 504 }, signal: 'upstream' },
  {
    name: '500 with HTML',
    places: ENDPOINTS,
    effect: { kind: 'html', status: 500 },
    signal: unlessOnlyWrites,
  },
  { name: '502 with HTML', places: ENDPOINTS, effect: { kind: 'html', status: 502 }, signal: 'upstream' },
  { name: '503 with HTML', places: ENDPOINTS, effect: { kind: 'html', status: 503 }, signal: 'upstream' },
  {
    name: '200 with the code S0020E',
    places: [FLUENT_API],
    effect: { kind: 'graphql-error', code: 'S0020E' },
    signal: 'upstream',
  },
  {
    name: '200 with the code T0001E',
    places: [FLUENT_API],
    effect: { kind: 'graphql-error', code: 'T0001E' },
    signal: 'upstream',
  },
  {
    name: '200 with the code General',
    places: [READS, WRITES],
    effect: { kind: 'graphql-error', code: 'General' },
    signal: unlessOnlyWrites,
  },
  {
    name: '200 with the code OverCapacity',
    places: [READS, WRITES],
    effect: { kind: 'graphql-error', code: 'OverCapacity' },
    signal: 'upstream',
  },
  {
    name: '200 with the code PendingOperation',
    places: [READS, WRITES],
    effect: { kind: 'graphql-error', code: 'PendingOperation' },
    signal: 'queue',
  },
  {
    name: '429 with Retry-After',
    places: ENDPOINTS,
    effect: { kind: 'rate-limit', retryAfterSeconds: 1 },
    signal: 'upstream',
  },
  {
    name: '429 without Retry-After',
    places: ENDPOINTS,
    effect: { kind: 'rate-limit', retryAfterSeconds: null },
    signal: 'upstream',
  },
  {
    name: '401, the credentials are revoked',
    places: SERVERS,
    effect: { kind: 'forbidden', status: 401 },
    signal: 'upstream',
  },
  { name: '403', places: ENDPOINTS, effect: { kind: 'forbidden' }, signal: 'upstream' },
  {
    name: '403 with the code insufficient_scope',
    places: [READS, WRITES],
    effect: { kind: 'graphql-error', code: 'insufficient_scope', status: 403 },
    signal: 'queue',
    isDeadAtOnce: true,
  },
  {
    name: 'partial data with S0002E',
    places: [FLUENT_API],
    effect: { kind: 'partial', code: 'S0002E' },
    signal: 'upstream',
  },
  {
    name: 'partial data with General',
    places: [READS, WRITES],
    effect: { kind: 'partial', code: 'General' },
    signal: unlessOnlyWrites,
  },
  {
    name: 'null in place of what was asked for',
    places: [FLUENT_API, READS],
    effect: { kind: 'partial' },
    signal: 'queue',
  },
  { name: 'half of a JSON text', places: ENDPOINTS, effect: { kind: 'garbage' }, signal: 'queue' },
  { name: 'an empty answer', places: ENDPOINTS, effect: { kind: 'garbage', text: '' }, signal: 'queue' },
  { name: '200 with HTML', places: ENDPOINTS, effect: { kind: 'html', status: 200 }, signal: 'queue' },
  { name: '16 MiB', places: ENDPOINTS, effect: { kind: 'oversized' }, times: 4, signal: 'queue' },
];

/** A fault at one of its places. */
export interface PlacedFault {
  readonly fault: UpstreamFault;
  readonly place: Place;
}

/** Faults that hold at the same time. */
export interface FaultCase {
  readonly name: string;
  readonly faults: readonly PlacedFault[];
}

/** @returns what shows the fault to an operator. */
export function signalOf({ fault: { signal }, place }: PlacedFault): Signal {
  const declared = typeof signal === 'function' ? signal(place) : signal;
  return place.target === 'fluent-audit-log' && declared !== 'none' ? 'history' : declared;
}

/** @returns a case for each fault at each of its places. */
export function singleFaults(): FaultCase[] {
  return UPSTREAM_FAULTS.flatMap((fault) =>
    fault.places.map((place) => ({ name: `${place.name}: ${fault.name}`, faults: [{ fault, place }] })),
  );
}

/** @returns a case for any two faults, also at the same place, where each hits about half of the calls. */
export function pairsOfFaults(): FaultCase[] {
  const singles = singleFaults();
  return singles.flatMap((one, index) =>
    singles.slice(index + 1).map((other) => ({
      name: `${one.name}; ${other.name}`,
      faults: [...one.faults, ...other.faults],
    })),
  );
}

/** @returns `count` of the cases, the same for the same seed. */
export function sampleOf(cases: readonly FaultCase[], count: number, seed: number): FaultCase[] {
  const random = new SeededRandom(seed);
  const left = [...cases];
  return Array.from({ length: Math.min(count, cases.length) }, () =>
    left.splice(random.integer(0, left.length - 1), 1),
  ).flat();
}
