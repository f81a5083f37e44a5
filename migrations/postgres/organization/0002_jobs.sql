-- Periodic work: which node does it now, and how it went. Global: no organization owns it.
CREATE TABLE jobs (
    name text COLLATE "C" NOT NULL,
    id uuid NOT NULL,
    next_run_at timestamptz NOT NULL,
    -- The node that does it, until when it may count as alive.
    holder uuid,
    leased_until timestamptz,
    started_at timestamptz,
    finished_at timestamptz,
    -- What the last run came to: how much it did, or why it failed.
    done bigint,
    failure text,
    CONSTRAINT pk_jobs PRIMARY KEY (name),
    CONSTRAINT ck_jobs__lease CHECK ((holder IS NULL) = (leased_until IS NULL))
);
SELECT lastro_global_table('jobs');
