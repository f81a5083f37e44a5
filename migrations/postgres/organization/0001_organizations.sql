-- Organizations: the unit of isolation. A global table: the row of a customer is not the customer's own.
CREATE TABLE organizations (
    id uuid NOT NULL,
    name text NOT NULL,
    -- Made in Rust: NFKD, marks removed, lower case. Searching and sorting ignore case and accents the same way on both engines.
    name_folded text COLLATE "C" NOT NULL,
    slug text COLLATE "C" NOT NULL,
    document text COLLATE "C",
    is_active boolean NOT NULL,
    package_code text COLLATE "C",
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT pk_organizations PRIMARY KEY (id),
    CONSTRAINT uq_organizations__slug UNIQUE (slug),
    CONSTRAINT uq_organizations__document UNIQUE (document)
);
CREATE INDEX ix_organizations__name ON organizations (name_folded, id);
CREATE INDEX ix_organizations__created_at ON organizations (created_at, id);
SELECT lastro_global_table('organizations');
