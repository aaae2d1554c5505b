import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { SCHEMA } from './schema.js';

/** How long a statement waits for the transaction of another process. */
const BUSY_TIMEOUT_MS = 1500;

/** An SQLite file. Another database needs another version of this class, and `FOR UPDATE` where a row is read to be changed. */
export class Database {
  private readonly database: DatabaseSync;

  constructor(file: string) {
    this.database = new DatabaseSync(file);
    this.database.exec(
      `PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; ${SCHEMA}`,
    );
  }

  /** All statements of `work` take effect together, and no other process sees or changes anything in between. */
  transaction<T>(work: () => T): T {
    this.database.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.database.exec('COMMIT');
      return result;
    } catch (error) {
      this.database.exec('ROLLBACK');
      throw error;
    }
  }

  all<T>(sql: string, ...values: SQLInputValue[]): T[] {
    return this.database.prepare(sql).all(...values) as T[];
  }

  one<T>(sql: string, ...values: SQLInputValue[]): T | undefined {
    return this.database.prepare(sql).get(...values) as T | undefined;
  }

  /** @returns how many rows changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.database.prepare(sql).run(...values).changes);
  }

  close(): void {
    this.database.close();
  }
}
