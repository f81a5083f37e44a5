CREATE TABLE audit_entries (
    organization_id BLOB NOT NULL,
    id BLOB NOT NULL,
    occurred_at INTEGER NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id BLOB NOT NULL,
    actor_name TEXT NOT NULL,
    action TEXT NOT NULL,
    target_kind TEXT NOT NULL,
    target_id BLOB NOT NULL,
    changes TEXT,
    request_id TEXT,
    ip TEXT,
    user_agent TEXT,
    count INTEGER NOT NULL DEFAULT 1,
    CONSTRAINT pk_audit_entries PRIMARY KEY (organization_id, id),
    CONSTRAINT ck_audit_entries__actor_kind CHECK (actor_kind IN ('user', 'api_key', 'service_account', 'system')),
    CONSTRAINT ck_audit_entries__count CHECK (count > 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE outbox_events (
    organization_id BLOB NOT NULL,
    id BLOB NOT NULL,
    occurred_at INTEGER NOT NULL,
    type TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject_id BLOB NOT NULL,
    data TEXT NOT NULL,
    CONSTRAINT pk_outbox_events PRIMARY KEY (organization_id, id)
) STRICT, WITHOUT ROWID;
