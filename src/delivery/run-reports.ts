import { Injectable } from '@nestjs/common';
import type { RunReport } from './decide.js';

/** Tells whoever listens how deliveries end: the log, the metrics, a test. */
@Injectable()
export class RunReports {
  private readonly listeners: ((report: RunReport) => void)[] = [];

  /**
   * Calls `listener` for every report from now on.
   *
   * @param listener must not throw.
   */
  subscribe(listener: (report: RunReport) => void): void {
    this.listeners.push(listener);
  }

  /** Passes a report to every listener. */
  publish(report: RunReport): void {
    for (const listener of this.listeners) listener(report);
  }
}
