import { type DestinationStream, destination, levels, symbols } from 'pino';

/** One for each file descriptor, because each also writes when the process exits. */
const outputs = new Map<number, LineOutput>();

/** @returns what writes log lines to a file descriptor, synchronously. */
export function lineOutput(fileDescriptor: number): DestinationStream {
  let output = outputs.get(fileDescriptor);
  if (!output) {
    output = new LineOutput(destination({ dest: fileDescriptor, sync: true }));
    outputs.set(fileDescriptor, output);
  }
  return output;
}

/**
 * Lines of level `info` that are logged in one turn of the event loop leave in one write, at the end of the turn: deliveries end
 * in groups, and a system call costs more than a line. Lines of any other level are written at once, after those that wait.
 */
class LineOutput implements DestinationStream {
  /** Asks pino for {@link lastLevel}. */
  readonly [symbols.needsMetadataGsym] = true;
  /** The level of the line that is written next. */
  lastLevel = levels.values['info'];
  private waiting = '';

  constructor(private readonly output: DestinationStream) {
    process.on('exit', () => this.flush());
  }

  write(line: string): void {
    if (this.lastLevel === levels.values['info']) {
      if (this.waiting === '') setImmediate(() => this.flush());
      this.waiting += line;
    } else {
      this.waiting += line;
      this.flush();
    }
  }

  private flush(): void {
    if (this.waiting === '') return;
    const lines = this.waiting;
    this.waiting = '';
    this.output.write(lines);
  }
}
