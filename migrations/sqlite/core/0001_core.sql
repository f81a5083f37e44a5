-- What every unit of work writes beside its own rows.

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

-- Append-only: what PostgreSQL does by withholding the rights.
CREATE TRIGGER tr_audit_entries__no_update BEFORE UPDATE ON audit_entries
BEGIN
    SELECT raise(ABORT, 'audit entries are append-only');
END;
CREATE TRIGGER tr_audit_entries__no_delete BEFORE DELETE ON audit_entries
BEGIN
    SELECT raise(ABORT, 'audit entries are append-only');
END;

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

CREATE TABLE idempotency_records (
    organization_id BLOB NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id BLOB NOT NULL,
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    status INTEGER NOT NULL,
    headers TEXT NOT NULL,
    body BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    CONSTRAINT pk_idempotency_records PRIMARY KEY (organization_id, actor_kind, actor_id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE access_versions (
    organization_id BLOB NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT pk_access_versions PRIMARY KEY (organization_id)
) STRICT, WITHOUT ROWID;

-- One writer at a time: the order of seq is the order of commits, and xid stands only so that both schemas are the same.
CREATE TABLE access_changes (
    seq INTEGER NOT NULL CONSTRAINT pk_access_changes PRIMARY KEY AUTOINCREMENT,
    xid INTEGER NOT NULL DEFAULT 0,
    organization_id BLOB,
    kind TEXT NOT NULL,
    subject BLOB,
    until INTEGER,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX ix_access_changes__xid ON access_changes (xid);
