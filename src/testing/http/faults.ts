import { SeededRandom } from '../seeded-random.js';
import type { EmulatorRequest } from './emulator-request.js';

/** Which requests a fault hits. Without these options, it hits all requests until you clear it. */
export interface FaultScope {
  /** `token`, `graphql`, `rest`, a root field such as `orderById` or `updateOrder`, or a REST call such as `sendEvent`. */
  operation?: string;
  /** Only the next n matching requests. */
  times?: number;
  /** Only this fraction of the matching requests, from 0 to 1. */
  probability?: number;
  /** Makes `probability` repeatable; 1 by default. */
  seed?: number;
}

/** The kinds of faults. Only `latency` does not change the answer. */
export type FaultEffect =
  /**
   * Executes the request at once, and sends the answer `ms` milliseconds later. Mutations in one request take `ms` each,
   * because a GraphQL server runs them one after the other.
   */
  | { kind: 'latency'; ms: number }
  /** Accepts the request and never answers it. Executes nothing. */
  | { kind: 'hang' }
  /** Resets the connection before it executes the request. */
  | { kind: 'reset' }
  /** 429; `Retry-After` in seconds (1 by default; `null` leaves the header out). */
  | { kind: 'rate-limit'; retryAfterSeconds?: number | null }
  /** A JSON error of the API's own shape; 500 by default. Nothing is executed. */
  | { kind: 'error'; status?: 500 | 502 | 503 | 504 }
  /** The user lacks a permission: 403 by default. Nothing is executed. */
  | { kind: 'forbidden'; status?: 401 | 403 }
  /** An HTML page of some proxy; 502 by default. */
  | { kind: 'html'; status?: number }
  /** A GraphQL error with that code, at 200 by default. Nothing is executed. */
  | { kind: 'graphql-error'; code: string; message?: string; status?: number }
  /** commercetools mutations only: `ConcurrentModification` although the version was right. */
  | { kind: 'conflict' }
  /** The token presented is revoked: 401 for this request and all later ones that carry it. */
  | { kind: 'expired-token' }
  /** Executes the request, but answers with null as data and an error with `code`. Without a `code`, it names no error. */
  | { kind: 'partial'; code?: string }
  /** Executes the request and resets the connection in the middle of the answer. */
  | { kind: 'cut' }
  /** 200 with JSON's content type and invalid JSON; half an answer by default. Executes nothing. */
  | { kind: 'garbage'; text?: string }
  /** 200 with JSON of this many bytes; one more than 16 MiB by default. Executes nothing. */
  | { kind: 'oversized'; bytes?: number }
  /**
   * Writes only: the write is applied, then the connection drops (default) or a 500 `General` is sent. Of several mutations
   * in one request, only the first `applied` are, by default all.
   */
  | { kind: 'uncertain'; answer?: 'drop' | 'general'; applied?: number };

/** A fault and the requests that it hits. */
export type Fault = FaultEffect & FaultScope;
/** The name of a fault. */
export type FaultKind = Fault['kind'];

/** What the faults decided about one request. */
export interface FaultDecision {
  readonly latencyMs: number;
  readonly fault?: Exclude<Fault, { kind: 'latency' }>;
}

/** A fault that is on until it is turned off or used up. */
export interface ArmedFault {
  readonly fault: Fault;
  /** How many requests it has hit so far. */
  readonly hits: number;
  /** Turns off only this fault. Requests that already hang stay unanswered. */
  off(): void;
}

interface Armed {
  readonly fault: Fault;
  readonly random: SeededRandom;
  remaining: number;
  hits: number;
}

const ONLY_GRAPHQL: ReadonlySet<FaultKind> = new Set(['graphql-error', 'conflict']);
const ONLY_MUTATIONS: ReadonlySet<FaultKind> = new Set(['conflict', 'uncertain']);
const NO_FAULT: FaultDecision = { latencyMs: 0 };

/**
 * The faults of one emulator. You can switch them at any time, and several can be on at once: their
 * latencies add up, and the first of the other faults decides.
 *
 * To take the whole server down and bring it back, use `emulator.down()` and `emulator.up()`.
 */
export class FaultSwitches {
  #armed: Armed[] = [];
  #triggered = new Map<FaultKind, number>();

  /** Turns a fault on. It replaces an earlier one of the same kind and operation. */
  set(fault: Fault): void {
    const same = ({ fault: other }: Armed): boolean =>
      other.kind === fault.kind && other.operation === fault.operation;
    this.#armed = this.#armed.filter((armed) => !same(armed));
    this.add(fault);
  }

  /** Turns a fault on, in addition to the active ones. */
  add(fault: Fault): ArmedFault {
    const random = new SeededRandom(fault.seed);
    const armed: Armed = { fault, random, remaining: fault.times ?? Number.POSITIVE_INFINITY, hits: 0 };
    this.#armed.push(armed);
    return {
      fault,
      get hits() {
        return armed.hits;
      },
      off: () => {
        this.#armed = this.#armed.filter((other) => other !== armed);
      },
    };
  }

  /** Turns off the faults of one kind, or all. Requests that already hang stay unanswered. */
  clear(kind?: FaultKind): void {
    this.#armed = kind === undefined ? [] : this.#armed.filter(({ fault }) => fault.kind !== kind);
  }

  /** @returns how many requests faults of that kind have hit since the start. */
  triggered(kind: FaultKind): number {
    return this.#triggered.get(kind) ?? 0;
  }

  /** Decides about one request and uses up the faults that hit it. */
  take(request: EmulatorRequest): FaultDecision {
    if (this.#armed.length === 0) return NO_FAULT;
    let latencyMs = 0;
    let chosen: FaultDecision['fault'];
    for (const armed of this.#armed) {
      const { fault } = armed;
      if (chosen !== undefined && fault.kind !== 'latency') continue;
      if (!matches(fault, request)) continue;
      if (fault.probability !== undefined && !armed.random.chance(fault.probability)) continue;
      armed.remaining -= 1;
      armed.hits += 1;
      this.#triggered.set(fault.kind, this.triggered(fault.kind) + 1);
      if (fault.kind === 'latency') latencyMs += fault.ms * oneAfterTheOther(request);
      else chosen = fault;
    }
    this.#armed = this.#armed.filter(({ remaining }) => remaining > 0);
    return { latencyMs, fault: chosen };
  }
}

/** @returns how many parts of a request run one after the other. */
function oneAfterTheOther({ mutation, fields }: EmulatorRequest): number {
  return mutation ? Math.max(fields.length, 1) : 1;
}

function matches(fault: Fault, request: EmulatorRequest): boolean {
  if (ONLY_GRAPHQL.has(fault.kind) && request.operation !== 'graphql') return false;
  if (fault.kind === 'expired-token' && request.operation === 'token') return false;
  if (ONLY_MUTATIONS.has(fault.kind) && !request.mutation) return false;
  const { operation } = fault;
  return operation === undefined || operation === request.operation || request.fields.includes(operation);
}
