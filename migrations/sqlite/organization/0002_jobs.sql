-- Periodic work: which node does it now, and how it went. Global: no organization owns it.
CREATE TABLE jobs (
    name TEXT NOT NULL,
    id BLOB NOT NULL,
    next_run_at INTEGER NOT NULL,
    -- The node that does it, until when it may count as alive.
    holder BLOB,
    leased_until INTEGER,
    started_at INTEGER,
    finished_at INTEGER,
    -- What the last run came to: how much it did, or why it failed.
    done INTEGER,
    failure TEXT,
    CONSTRAINT pk_jobs PRIMARY KEY (name),
    CONSTRAINT ck_jobs__lease CHECK ((holder IS NULL) = (leased_until IS NULL))
) STRICT, WITHOUT ROWID;
