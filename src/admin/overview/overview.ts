import { Injectable } from '@nestjs/common';
import { MessageQueue } from '../../delivery/index.js';
import { HealthChecks } from '../../health/index.js';
import { pauseViewOf } from '../pause-view.js';
import type { CircuitView } from './circuit-view.js';
import type { OverviewView } from './overview-schemas.js';
import { Replicas, type MinuteRates, type ReplicaState } from './replicas.js';

/** What all replicas do at this moment. */
@Injectable()
export class Overview {
  constructor(
    private readonly replicas: Replicas,
    private readonly queue: MessageQueue,
    private readonly health: HealthChecks,
  ) {}

  /**
   * Reads the parts at the same time, but not as of one moment: a notification that ends during the read may be counted as
   * waiting and as finished. Nothing compares the parts. Each is accurate within a second, and the next read corrects it.
   */
  async read(): Promise<OverviewView> {
    const [replicas, rates, counts, pauses, shared] = await Promise.all([
      this.replicas.list(),
      this.replicas.rates(),
      this.queue.counts(),
      this.queue.pauses(),
      this.health.ofTheQueue(),
    ]);
    const { oldestUnfinishedAt, ...queue } = counts;
    const ofTheQueue = Object.entries(shared)
      .filter(([, { status }]) => status !== 'up')
      .map(([check, { advice }]) => ({
        check,
        ...(typeof advice === 'string' && { advice }),
        replicas: replicas.length,
      }));
    return {
      at: new Date().toISOString(),
      replicas: replicas.map(({ role, version }) => ({ role, version })),
      minutes: rates.map(minuteOf),
      queue: {
        ...queue,
        ...(oldestUnfinishedAt && { oldestUnfinishedAt: oldestUnfinishedAt.toISOString() }),
      },
      paused: [...pauses].map(([account, pause]) => ({ account, ...pauseViewOf(pause) })),
      circuits: circuitsOf(replicas),
      problems: [...ofTheQueue, ...problemsOf(replicas)],
    };
  }
}

/** Pure: the circuits that are not closed in any replica. */
export function circuitsOf(replicas: readonly ReplicaState[]): CircuitView[] {
  const circuits = replicas.flatMap((replica) => replica.circuits);
  return [...new Set(circuits.map(({ target }) => target))].map((target) => {
    const its = circuits.filter((circuit) => circuit.target === target);
    return {
      target,
      state: its.some(({ state }) => state === 'open') ? 'open' : 'half-open',
      since: new Date(Math.min(...its.map(({ since }) => since))).toISOString(),
      replicas: its.length,
    };
  });
}

function problemsOf(replicas: readonly ReplicaState[]): OverviewView['problems'] {
  const problems = replicas.flatMap((replica) => replica.problems);
  return [...new Set(problems.map(({ check }) => check))].map((check) => {
    const its = problems.filter((problem) => problem.check === check);
    return { check, ...its[0], replicas: its.length };
  });
}

function minuteOf({ from, lagMs, lagMsMax, ...counts }: MinuteRates): OverviewView['minutes'][number] {
  const mean = lagMs / 1000 / counts.finished;
  return {
    from: new Date(from).toISOString(),
    ...counts,
    ...(counts.finished > 0 && { lagSeconds: { mean, max: lagMsMax / 1000 } }),
  };
}
