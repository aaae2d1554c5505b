import { Module } from '@nestjs/common';
import { ReconciliationState } from './reconciliation-state.js';
import { Reconciliation } from './reconciliation.js';

@Module({ providers: [ReconciliationState, Reconciliation] })
export class ReconciliationModule {}
