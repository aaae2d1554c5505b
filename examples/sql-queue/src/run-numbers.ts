import { randomUUID } from 'node:crypto';
import type { Delivery, Settlement } from 'fluent-commercetools-connector';
import type { Database } from './database.js';
import type { KeyRow } from './schema.js';

/** What the queue knows of each coalesce key: its numbers, its coverage and its failures. Call it within a transaction. */
export class RunNumbers {
  constructor(private readonly database: Database) {}

  /** @returns the next number: larger than every earlier one of the key, and close to the clock. */
  draw(coalesceKey: string | null): number {
    const micros = Date.now() * 1000;
    if (coalesceKey === null) return micros;
    const number = Math.max(micros, this.key(coalesceKey).latest + 1);
    this.database.run('UPDATE keys SET latest = ? WHERE coalesce_key = ?', number, coalesceKey);
    return number;
  }

  /** @returns the ticket of a run that begins now, and what the runs before it have left. */
  ticket(coalesceKey: string | null): Pick<Delivery, 'ticket' | 'coverage' | 'failing'> {
    const number = this.draw(coalesceKey);
    if (coalesceKey === null) return { ticket: { number } };
    const { epoch, covered, observed, not_before, own_age } = this.key(coalesceKey);
    return {
      ticket: { number, epoch },
      coverage: covered === null ? undefined : { number: covered, observedState: observed ?? undefined },
      failing: not_before === null ? undefined : { notBeforeMs: not_before, hasOwnAge: own_age === 1 },
    };
  }

  /** Records the end of a run. @returns whether it was outrun, and the number at which it ended if it may come again. */
  record(delivery: Delivery, settlement: Settlement): { isOutrun: boolean; ranUntil?: number } {
    const { coalesceKey, ticket } = delivery;
    if (coalesceKey === undefined) return { isOutrun: false };
    const key = this.key(coalesceKey);
    const run = 'run' in settlement ? settlement.run : undefined;
    const isOfKey = ticket.epoch === key.epoch;
    const isOutrun = isOfKey
      ? (run?.changed === true && (key.covered ?? 0) > ticket.number) ||
        (run?.changed === false && (key.changed_until ?? 0) > ticket.number)
      : run?.changed !== undefined;

    const comesAgain = isOutrun || settlement.action !== 'done';
    const ranUntil = run && (run.changed || comesAgain) ? this.draw(coalesceKey) : undefined;
    if (run?.changed && ranUntil !== undefined) {
      this.database.run('UPDATE keys SET changed_until = ? WHERE coalesce_key = ?', ranUntil, coalesceKey);
    }
    if (isOfKey) this.recordResult(coalesceKey, key, settlement, isOutrun);
    return { isOutrun, ranUntil };
  }

  private recordResult(coalesceKey: string, key: KeyRow, settlement: Settlement, isOutrun: boolean): void {
    const coverage = 'coverage' in settlement ? settlement.coverage : undefined;
    if (coverage) {
      this.database.run(
        'UPDATE keys SET not_before = NULL, own_age = NULL WHERE coalesce_key = ?',
        coalesceKey,
      );
      if (isOutrun || coverage.number <= (key.covered ?? 0)) return;
      const { number, observedState = null } = coverage;
      this.database.run(
        'UPDATE keys SET covered = ?, observed = ? WHERE coalesce_key = ?',
        number,
        observedState,
        coalesceKey,
      );
    } else if (settlement.action === 'retry') {
      const notBefore = Math.ceil(Date.now() + settlement.holdKeyMs);
      this.database.run(
        'UPDATE keys SET not_before = ?, own_age = ? WHERE coalesce_key = ?',
        notBefore,
        Number(settlement.hasOwnAge),
        coalesceKey,
      );
    }
  }

  private key(coalesceKey: string): KeyRow {
    const insert = 'INSERT OR IGNORE INTO keys (coalesce_key, epoch, latest) VALUES (?, ?, 0)';
    this.database.run(insert, coalesceKey, randomUUID());
    return this.database.one<KeyRow>('SELECT * FROM keys WHERE coalesce_key = ?', coalesceKey)!;
  }
}
