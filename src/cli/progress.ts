import { Presets, SingleBar } from 'cli-progress';
import type { Console } from './console.js';

/** The progress of something that takes minutes: a bar on a terminal, otherwise a line for each change. */
export interface Progress {
  /** @param share of the whole, 0 to 1. */
  show(share: number, text: string): void;
  end(): void;
}

export function progressOn({ stderr }: Pick<Console, 'stderr'>): Progress {
  if (!stderr.isTTY) {
    let last = '';
    return {
      show: (share, text) => {
        const line = `${Math.floor(share * 100)} %, ${text}\n`;
        if (line !== last) stderr.write(line);
        last = line;
      },
      end: () => undefined,
    };
  }
  const bar = new SingleBar(
    { format: '{bar} {percentage}% | {text} | {duration_formatted}', stream: stderr, hideCursor: true },
    Presets.shades_classic,
  );
  bar.start(100, 0, { text: '' });
  return { show: (share, text) => bar.update(Math.floor(share * 100), { text }), end: () => bar.stop() };
}
