-- Organizations: the unit of isolation. A global table: the row of a customer is not the customer's own.
CREATE TABLE organizations (
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    -- Made in Rust: NFKD, marks removed, lower case. Searching and sorting ignore case and accents the same way on both engines.
    name_folded TEXT NOT NULL,
    slug TEXT NOT NULL,
    document TEXT,
    is_active INTEGER NOT NULL CONSTRAINT ck_organizations__is_active CHECK (is_active IN (0, 1)),
    package_code TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT pk_organizations PRIMARY KEY (id),
    CONSTRAINT uq_organizations__slug UNIQUE (slug),
    CONSTRAINT uq_organizations__document UNIQUE (document)
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_organizations__name ON organizations (name_folded, id);
CREATE INDEX ix_organizations__created_at ON organizations (created_at, id);
