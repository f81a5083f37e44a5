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
