import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** How far V8's heap may grow. */
export interface HeapLimits {
  /** How much the old objects may grow before V8 collects them, in percent of those that live. */
  readonly growingPercent: number;
  /** The room for young objects in bytes, both halves together. V8 doubles it from 1 MiB on, up to `--max-semi-space-size`. */
  readonly youngBytes: number;
}

/**
 * Collects all garbage, gives back the memory that it took, and limits the heap from then on.
 *
 * V8 knows how much lives only from the first collection of the old objects on, and would wait with that one for tens of megabytes of
 * garbage. `--max-semi-space-size` counts only when a process starts, but V8 reads the factor by which it enlarges the room for young
 * objects at each collection. Before Node 22, V8 does not give back the room that was filled before.
 */
export function limitHeap({ growingPercent, youngBytes }: HeapLimits): void {
  setFlagsFromString(`--heap-growing-percent=${growingPercent}`);
  collectGarbage();
  let factor: number | undefined;
  const limitYoung = (): void => {
    const needed = youngSpaceBytes() < youngBytes ? 2 : 1;
    if (needed !== factor) setFlagsFromString(`--semi-space-growth-factor=${needed}`);
    factor = needed;
  };
  limitYoung();
  // An idle process gives the room back, and needs it again later.
  new PerformanceObserver(limitYoung).observe({ entryTypes: ['gc'] });
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as (options?: Readonly<Record<string, string>>) => void;
  setFlagsFromString('--no-expose-gc');
  // With options, Node 20 collects only young objects.
  if (Number.parseInt(process.versions.node, 10) < 22) gc();
  else gc({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}

function youngSpaceBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? 0;
}
