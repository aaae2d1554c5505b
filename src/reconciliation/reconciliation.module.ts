import { Module } from '@nestjs/common';
import { OrderStatusModule } from '../order-status/index.js';
import { ReconciliationState } from './reconciliation-state.js';
import { Reconciliation } from './reconciliation.js';

@Module({ imports: [OrderStatusModule], providers: [ReconciliationState, Reconciliation] })
export class ReconciliationModule {}
