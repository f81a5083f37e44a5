CREATE TABLE organizations (
    id           UUID        CONSTRAINT organizations_pk PRIMARY KEY,
    name         TEXT        NOT NULL,
    slug         TEXT        NOT NULL CONSTRAINT organizations_slug_uq UNIQUE,
    document     TEXT        CONSTRAINT organizations_document_uq UNIQUE,
    is_active    BOOLEAN     NOT NULL,
    package_code TEXT,
    created_at   TIMESTAMPTZ NOT NULL,
    updated_at   TIMESTAMPTZ NOT NULL
);

CREATE TABLE audit_entries (
    organization_id UUID        NOT NULL,
    id              UUID        NOT NULL,
    occurred_at     TIMESTAMPTZ NOT NULL,
    actor_type      TEXT        NOT NULL,
    actor_id        UUID        NOT NULL,
    actor_name      TEXT        NOT NULL,
    action          TEXT        NOT NULL,
    target_type     TEXT        NOT NULL,
    target_id       UUID        NOT NULL,
    changes         TEXT        NOT NULL,
    CONSTRAINT audit_entries_pk PRIMARY KEY (organization_id, id)
);

CREATE TABLE outbox (
    organization_id UUID        NOT NULL,
    id              UUID        NOT NULL,
    occurred_at     TIMESTAMPTZ NOT NULL,
    event_type      TEXT        NOT NULL,
    data            TEXT        NOT NULL,
    CONSTRAINT outbox_pk PRIMARY KEY (organization_id, id)
);
