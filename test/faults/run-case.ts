import { setTimeout as delay } from 'node:timers/promises';
import type { ApiEmulator } from '../../src/testing/index.js';
import { agrees } from '../support/agreement.js';
import type { Fleet, Lane } from './fleet.js';
import { signalOf, type FaultCase, type PlacedFault, type Signal } from './upstream-faults.js';

const ORDERS = 4;
const TIMEOUT_MS = 60_000;
const POLL_MS = 25;
const RANKS = ['Open', 'Confirmed', 'Complete'];
/** The faults of a pair at one place share its calls. */
const SHARE = 0.5;

/** A fault that is on. */
interface ActiveFault {
  readonly placed: PlacedFault;
  hasHit(): Promise<boolean>;
  end(): Promise<void>;
}

/** An order in both systems, and the notifications of it that were accepted. */
interface TestedOrder {
  readonly id: string;
  readonly ref: string;
}

let serial = 0;

/** What became of a case. */
export interface CaseResult {
  readonly name: string;
  /** What did not hold; undefined when all did. */
  readonly problem?: string;
  readonly durationMs: number;
}

/**
 * Runs cases side by side, each in a lane of its own.
 *
 * @param budgetMs after which no other case is begun.
 */
export async function runCases(
  fleet: Fleet,
  cases: readonly FaultCase[],
  budgetMs = Number.POSITIVE_INFINITY,
): Promise<CaseResult[]> {
  const endsAt = performance.now() + budgetMs;
  const left = [...cases];
  const results: CaseResult[] = [];
  await Promise.all(
    fleet.lanes.map(async (lane) => {
      for (let next = left.shift(); next && performance.now() < endsAt; next = left.shift()) {
        const startedAt = performance.now();
        const problem = await runCase(fleet, lane, next);
        const durationMs = performance.now() - startedAt;
        results.push({ name: next.name, durationMs, ...(problem !== undefined && { problem }) });
      }
    }),
  );
  return results;
}

/**
 * Runs one case: orders move while the faults last, and agree when these have ended. An order of the bystander moves
 * meanwhile, and must agree before any fault ends.
 *
 * @returns what did not hold.
 */
async function runCase(fleet: Fleet, lane: Lane, { faults }: FaultCase): Promise<string | undefined> {
  const { bystander } = fleet;
  const { fluent, commercetools } = lane;
  const orders = Array.from({ length: ORDERS }, () => addOrder(lane));
  const stranger = addOrder(bystander);
  const accepted: string[] = [];
  const move = async (mover: Lane, { id }: TestedOrder, status: string): Promise<void> => {
    mover.fluent.setStatus(id, status);
    const notification = mover.fluent.notification(id);
    const { result, reason } = await mover.fluent.webhooks.send(notification);
    if (result !== 'accepted' && result !== 'duplicate')
      throw new Problem(`a webhook was not accepted: ${reason ?? result}`);
    if (mover === lane) accepted.push(notification.id);
  };
  const moveAll = (status: string) => Promise.all(orders.map((order) => move(lane, order, status)));
  const all = () => orders.every((order) => isShown(lane, order));
  const isDead = faults.some(({ fault }) => fault.isDeadAtOnce);
  const active: ActiveFault[] = [];
  try {
    const retriesBefore = lane.retries;
    const signals = faults.map((placed) => questionOf(fleet, lane, placed, retriesBefore));
    for (const [index, placed] of faults.entries())
      active.push(await apply(fleet, lane, placed, faults, index));
    await moveAll('PICK_PACK');
    await move(bystander, stranger, 'BOOKED');
    await until("another account's order is shown", () => isShown(bystander, stranger));
    const harmless: readonly Signal[] = ['history', 'none'];
    if (faults.every((placed) => harmless.includes(signalOf(placed)))) {
      await until('orders are shown while the fault lasts', all);
    }
    if (faults.some((placed) => signalOf(placed) !== 'none')) {
      // Of two faults one may hide the other until it ends.
      const isTold = async () => {
        const told = await Promise.all(signals.map((signal) => signal()));
        return faults.length === 1 ? told.every(Boolean) : told.some(Boolean);
      };
      await until(`/health and the metrics tell of it (${signalNames(faults)})`, isTold);
    }
    for (const { id } of orders) fluent.setStatus(id, 'AWAITING_COURIER_COLLECTION');
    await moveAll('COMPLETE');
    while (active.length > 0) {
      let hit = -1;
      await until('a fault has hit a call', async () => {
        hit = (await Promise.all(active.map((fault) => fault.hasHit()))).indexOf(true);
        return hit >= 0;
      });
      const [ended] = active.splice(hit, 1);
      await ended?.end();
    }
    if (isDead) await replayDeadLetters(fleet, lane, accepted);
    await until('every order agrees', all);
    await until('every accepted notification has ended', () => accepted.every((id) => lane.finished.has(id)));
    await until('the circuits are closed', async () => {
      const health = await fleet.health();
      return targetsOf(lane).every((target) => health[target]?.circuit === 'closed');
    });
    const dead = await fleet.deadLetters(lane.account);
    if (dead.length > 0) {
      throw new Problem(`${dead.length} dead letters: ${dead[0]?.error.message}`);
    }
    for (const { ref } of orders) {
      const ranks =
        commercetools.order(ref)?.history.map(({ orderState }) => RANKS.indexOf(orderState)) ?? [];
      if (ranks.some((rank, index) => rank < (ranks[index - 1] ?? 0))) {
        throw new Problem(`${ref} went back: ${ranks.map((rank) => RANKS[rank]).join(', ')}`);
      }
    }
    return undefined;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const behind = orders.filter((order) => !isShown(lane, order)).map((order) => explain(lane, order));
    return [error.message, ...behind].join('; ');
  } finally {
    for (const each of active) await each.end();
  }
}

/** Something that was promised and does not hold. */
class Problem extends Error {}

function addOrder(lane: Lane): TestedOrder {
  const ref = `O_${++serial}`;
  lane.commercetools.addOrder({ orderNumber: ref });
  return { id: lane.fluent.addOrder({ ref }).id, ref };
}

function isShown({ fluent, commercetools }: Lane, { id, ref }: TestedOrder): boolean {
  const order = fluent.order(id);
  return order !== undefined && agrees(commercetools.order(ref), order.status);
}

/** @returns how an order stands, for somebody who looks for the reason. */
function explain({ fluent, commercetools, lastRuns }: Lane, { id, ref }: TestedOrder): string {
  const { orderState, paymentState, shipmentState } = commercetools.order(ref) ?? {};
  const run = lastRuns.get(ref);
  const last = run ? `${run.outcome} at attempt ${run.attempt}: ${run.error?.message ?? 'no error'}` : 'none';
  return `${ref} is ${fluent.order(id)?.status} and shows ${orderState}, ${paymentState}, ${shipmentState}, last run ${last}`;
}

/** What an operator does after the cause is gone: replays until no dead letter is left. */
async function replayDeadLetters(fleet: Fleet, lane: Lane, accepted: readonly string[]): Promise<void> {
  await until('every accepted notification has ended', () => accepted.every((id) => lane.finished.has(id)));
  const letters = await fleet.deadLetters(lane.account);
  if (letters.length === 0) throw new Problem('no notification became a dead letter at once');
  for (const letter of letters) {
    const { id } = letter.notification;
    lane.finished.delete(id);
    if (!(await fleet.replay(letter))) lane.finished.add(id);
  }
}

function emulatorOf(lane: Lane, { place }: PlacedFault): ApiEmulator & { revokeTokens(): void } {
  return lane[place.system];
}

function targetOf(lane: Lane, { place }: PlacedFault): string {
  return place.system === 'fluent'
    ? `${place.target ?? 'fluent'}:${lane.account}`
    : `commercetools:${lane.commercetools.projectKey}`;
}

function targetsOf(lane: Lane): string[] {
  return [`fluent:${lane.account}`, `commercetools:${lane.commercetools.projectKey}`];
}

async function apply(
  fleet: Fleet,
  lane: Lane,
  placed: PlacedFault,
  faults: readonly PlacedFault[],
  index: number,
): Promise<ActiveFault> {
  const emulator = emulatorOf(lane, placed);
  const { fault, place } = placed;
  const { effect, times } = fault;
  if (place.hasTokens) emulator.revokeTokens();
  if (effect === 'down') {
    const target = targetOf(lane, placed);
    const before = await failedCalls(fleet, target);
    await emulator.down();
    return {
      placed,
      hasHit: async () => (await failedCalls(fleet, target)) > before,
      end: () => emulator.up(),
    };
  }
  const isShared = faults.slice(index + 1).some((other) => other.place === place);
  const operations = place.operations.length > 0 ? place.operations : [undefined];
  const armed = operations.map((operation) =>
    emulator.faults.add({
      ...effect,
      ...(operation !== undefined && { operation }),
      ...(times !== undefined && { times }),
      ...(isShared && { probability: SHARE }),
    }),
  );
  return {
    placed,
    // For five minutes after a refusal nobody asks for a history.
    hasHit: async () => signalOf(placed) === 'history' || armed.some(({ hits }) => hits > 0),
    end: async () => {
      for (const each of armed) each.off();
    },
  };
}

/** @returns a function that tells whether the signal of the fault shows now. */
function questionOf(
  fleet: Fleet,
  lane: Lane,
  placed: PlacedFault,
  retriesBefore: number,
): () => Promise<boolean> {
  const target = targetOf(lane, placed);
  const failedBefore = failedCalls(fleet, target);
  const unknownBefore = fleet.metrics();
  const haveCallsFailed = async () => (await failedCalls(fleet, target)) > (await failedBefore);
  const told: Readonly<Record<Signal, () => Promise<boolean>>> = {
    upstream: async () => (await fleet.health())[target]?.status === 'degraded' && (await haveCallsFailed()),
    queue: async () => lane.retries > retriesBefore || placed.fault.isDeadAtOnce === true,
    history: async () => (await fleet.metrics()).unknownHistories > (await unknownBefore).unknownHistories,
    none: async () => true,
  };
  return told[signalOf(placed)];
}

async function failedCalls(fleet: Fleet, target: string): Promise<number> {
  return (await fleet.metrics()).failedCalls.get(target) ?? 0;
}

function signalNames(faults: readonly PlacedFault[]): string {
  return faults.map(signalOf).join(', ');
}

/** @throws Problem that names `what` when it does not come true. */
async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + TIMEOUT_MS; !(await isSo()); await delay(POLL_MS)) {
    if (performance.now() > deadline) throw new Problem(`not within ${TIMEOUT_MS / 1000} s: ${what}`);
  }
}
