/** Times are milliseconds since the epoch; numbers are those of `MessageQueue`, in microseconds. */
export const SCHEMA = `
  CREATE TABLE IF NOT EXISTS notifications (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    notification TEXT NOT NULL,
    coalesce_key TEXT,
    expected_state TEXT,
    trace TEXT,
    accepted_number INTEGER NOT NULL,
    -- queued (waiting or delayed, by due_at), active or dead
    state TEXT NOT NULL,
    background INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    -- orders what is due at the same millisecond
    position INTEGER NOT NULL,
    progress TEXT NOT NULL,
    ran_until INTEGER,
    parked_for TEXT,
    worker TEXT,
    locked_until INTEGER,
    worker_deaths INTEGER NOT NULL DEFAULT 0,
    died_at INTEGER
  ) STRICT;
  CREATE INDEX IF NOT EXISTS due ON notifications (state, due_at, position);

  CREATE TABLE IF NOT EXISTS finished (id TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT;

  CREATE TABLE IF NOT EXISTS keys (
    coalesce_key TEXT PRIMARY KEY,
    epoch TEXT NOT NULL,
    latest INTEGER NOT NULL,
    covered INTEGER,
    observed TEXT,
    changed_until INTEGER,
    not_before INTEGER,
    own_age INTEGER
  ) STRICT;

  CREATE TABLE IF NOT EXISTS lanes (
    account TEXT NOT NULL,
    background INTEGER NOT NULL,
    served INTEGER NOT NULL,
    PRIMARY KEY (account, background)
  ) STRICT;

  CREATE TABLE IF NOT EXISTS pauses (account TEXT PRIMARY KEY, pause TEXT NOT NULL) STRICT;
`;

/** A row of `notifications`. */
export interface NotificationRow {
  readonly id: string;
  readonly account: string;
  readonly notification: string;
  readonly coalesce_key: string | null;
  readonly expected_state: string | null;
  readonly trace: string | null;
  readonly accepted_number: number;
  readonly state: 'queued' | 'active' | 'dead';
  readonly background: number;
  readonly due_at: number;
  readonly position: number;
  readonly progress: string;
  readonly ran_until: number | null;
  readonly worker: string | null;
  readonly worker_deaths: number;
  readonly died_at: number | null;
}

/** A row of `keys`. */
export interface KeyRow {
  readonly epoch: string;
  readonly latest: number;
  readonly covered: number | null;
  readonly observed: string | null;
  readonly changed_until: number | null;
  readonly not_before: number | null;
  readonly own_age: number | null;
}
