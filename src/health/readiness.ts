import { Injectable } from '@nestjs/common';

/** Whether this replica accepts new work. It changes once, when the process receives SIGTERM or SIGINT. */
@Injectable()
export class Readiness {
  private draining = false;

  get isDraining(): boolean {
    return this.draining;
  }

  /** From now on traffic should go elsewhere; what still arrives is accepted. */
  startDraining(): void {
    this.draining = true;
  }
}
