import { Injectable } from '@nestjs/common';

/** Whether this replica wants new work. Set once, when the process is told to stop. */
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
