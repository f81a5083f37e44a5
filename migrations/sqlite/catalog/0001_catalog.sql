-- The catalogue: modules and permissions, filled from what the contexts declare. Global: no organization owns it.
CREATE TABLE modules (
    id BLOB NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    icon TEXT,
    is_active INTEGER NOT NULL CONSTRAINT ck_modules__is_active CHECK (is_active IN (0, 1)),
    is_core INTEGER NOT NULL CONSTRAINT ck_modules__is_core CHECK (is_core IN (0, 1)),
    sort_order INTEGER NOT NULL,
    -- A module is active for an organization when its own epoch there is greater: deactivating it everywhere is this one row.
    off_epoch INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT pk_modules PRIMARY KEY (id),
    CONSTRAINT uq_modules__code UNIQUE (code),
    CONSTRAINT ck_modules__core_is_active CHECK (is_active OR NOT is_core)
) STRICT, WITHOUT ROWID;

CREATE TABLE permissions (
    id BLOB NOT NULL,
    module_id BLOB NOT NULL,
    code TEXT NOT NULL,
    resource TEXT NOT NULL,
    action TEXT NOT NULL,
    scope TEXT NOT NULL,
    description TEXT,
    -- Declared by a context: routes depend on it, so it cannot be deleted.
    is_declared INTEGER NOT NULL CONSTRAINT ck_permissions__is_declared CHECK (is_declared IN (0, 1)),
    created_at INTEGER NOT NULL,
    CONSTRAINT pk_permissions PRIMARY KEY (id),
    CONSTRAINT uq_permissions__code UNIQUE (code),
    CONSTRAINT fk_permissions__module_id FOREIGN KEY (module_id) REFERENCES modules (id),
    CONSTRAINT ck_permissions__scope CHECK (scope IN ('tenant', 'platform'))
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_permissions__module_id ON permissions (module_id);
