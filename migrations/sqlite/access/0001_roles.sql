-- System roles: catalogue rows, the same for every organization, changed by no route.
CREATE TABLE system_roles (
    id BLOB NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    description TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT pk_system_roles PRIMARY KEY (id),
    CONSTRAINT uq_system_roles__code UNIQUE (code)
) STRICT, WITHOUT ROWID;

-- An organization's own roles.
CREATE TABLE roles (
    organization_id BLOB NOT NULL,
    id BLOB NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    description TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT pk_roles PRIMARY KEY (organization_id, id),
    CONSTRAINT uq_roles__organization_id__code UNIQUE (organization_id, code),
    CONSTRAINT fk_roles__organization_id FOREIGN KEY (organization_id) REFERENCES organizations (id)
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_roles__name ON roles (organization_id, name_folded, id);
CREATE INDEX ix_roles__created_at ON roles (organization_id, created_at, id);
