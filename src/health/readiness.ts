import { Injectable } from '@nestjs/common';

/** Whether this replica accepts new work. It changes once, when the process receives SIGTERM or SIGINT. */
@Injectable()
export class Readiness {
  private draining = false;

  get isDraining(): boolean {
    return this.draining;
  }

  /** From now on, load balancers should send traffic elsewhere. The connector still accepts webhooks that arrive. */
  startDraining(): void {
    this.draining = true;
  }
}
