import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** They take the longest. If one of them began last, the other cores would idle until it ends. */
const LONG = [
  'src/order-status/convergence.spec.ts',
  'test/faults.e2e-spec.ts',
  'test/outages.e2e-spec.ts',
  'test/faults/upstreams.e2e-spec.ts',
  'test/admin-reconcile.e2e-spec.ts',
  'test/redis-topologies.e2e-spec.ts',
  'test/queue.e2e-spec.ts',
  'test/reconciliation.e2e-spec.ts',
  'test/command-line.e2e-spec.ts',
  'test/ingress-attacks.e2e-spec.ts',
  'test/tracing.e2e-spec.ts',
  'test/signals.e2e-spec.ts',
  'test/admin-overview.e2e-spec.ts',
  'test/admin-accounts.e2e-spec.ts',
  'test/metrics.e2e-spec.ts',
  'test/convergence.e2e-spec.ts',
];

/** Begins with the longest files, also on a machine where Vitest has no results of earlier runs and goes by their size. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => rank(a) - rank(b));
  }
}

function rank({ moduleId }: TestSpecification): number {
  const index = LONG.findIndex((path) => moduleId.endsWith(`/${path}`));
  return index === -1 ? LONG.length : index;
}
