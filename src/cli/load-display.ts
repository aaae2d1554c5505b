import { Presets, SingleBar } from 'cli-progress';
import type { LoadProgress } from '../fluent-batches/index.js';
import type { Console } from './console.js';

/** Shows the progress of a load. */
export interface LoadDisplay {
  show(progress: LoadProgress): void;
  end(): void;
}

/** Shows a bar on a terminal, otherwise a line for each finished batch. */
export function loadDisplay(total: number, { stderr }: Console): LoadDisplay {
  if (!stderr.isTTY) return new Lines(total, stderr);
  const bar = new SingleBar(
    {
      format: '{bar} {percentage}% | {value}/{total} entities | {failed} failed | {duration_formatted}',
      stream: stderr,
      hideCursor: true,
    },
    Presets.shades_classic,
  );
  bar.start(total, 0, { failed: 0 });
  return {
    show: ({ entitiesDone, entitiesFailed }) => bar.update(entitiesDone, { failed: entitiesFailed }),
    end: () => bar.stop(),
  };
}

class Lines implements LoadDisplay {
  private batchesDone = 0;

  constructor(
    private readonly total: number,
    private readonly stderr: Console['stderr'],
  ) {}

  show({ batchesDone, entitiesDone, entitiesFailed }: LoadProgress): void {
    if (batchesDone === this.batchesDone) return;
    this.batchesDone = batchesDone;
    this.stderr.write(
      `${batchesDone} batches finished, ${entitiesDone} of ${this.total} entities, ${entitiesFailed} failed\n`,
    );
  }

  end(): void {
    // Every line is complete already.
  }
}
