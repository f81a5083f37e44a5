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
