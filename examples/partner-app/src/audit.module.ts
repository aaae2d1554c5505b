import { Injectable, Module } from '@nestjs/common';

/** One order update that commercetools accepted. */
export interface AuditEntry {
  readonly orderNumber: string | null;
  readonly version: number;
  readonly actions: readonly string[];
}

/** Stands for whatever a company keeps its audit trail in. */
@Injectable()
export class Audit {
  readonly entries: AuditEntry[] = [];

  record(entry: AuditEntry): void {
    this.entries.push(entry);
  }
}

@Module({ providers: [Audit], exports: [Audit] })
export class AuditModule {}
