CREATE TABLE organizations (
    id           BLOB    NOT NULL CONSTRAINT organizations_pk PRIMARY KEY,
    name         TEXT    NOT NULL,
    slug         TEXT    NOT NULL CONSTRAINT organizations_slug_uq UNIQUE,
    document     TEXT    CONSTRAINT organizations_document_uq UNIQUE,
    is_active    INTEGER NOT NULL CONSTRAINT organizations_is_active_ck CHECK (is_active IN (0, 1)),
    package_code TEXT,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE audit_entries (
    organization_id BLOB    NOT NULL,
    id              BLOB    NOT NULL,
    occurred_at     INTEGER NOT NULL,
    actor_type      TEXT    NOT NULL,
    actor_id        BLOB    NOT NULL,
    actor_name      TEXT    NOT NULL,
    action          TEXT    NOT NULL,
    target_type     TEXT    NOT NULL,
    target_id       BLOB    NOT NULL,
    changes         TEXT    NOT NULL,
    CONSTRAINT audit_entries_pk PRIMARY KEY (organization_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE outbox (
    organization_id BLOB    NOT NULL,
    id              BLOB    NOT NULL,
    occurred_at     INTEGER NOT NULL,
    event_type      TEXT    NOT NULL,
    data            TEXT    NOT NULL,
    CONSTRAINT outbox_pk PRIMARY KEY (organization_id, id)
) STRICT, WITHOUT ROWID;
