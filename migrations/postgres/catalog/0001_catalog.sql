-- The catalogue: modules and permissions, filled from what the contexts declare. Global: no organization owns it.
CREATE TABLE modules (
    id uuid NOT NULL,
    code text COLLATE "C" NOT NULL,
    name text NOT NULL,
    description text,
    icon text,
    is_active boolean NOT NULL,
    is_core boolean NOT NULL,
    sort_order bigint NOT NULL,
    -- A module is active for an organization when its own epoch there is greater: deactivating it everywhere is this one row.
    off_epoch bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT pk_modules PRIMARY KEY (id),
    CONSTRAINT uq_modules__code UNIQUE (code),
    CONSTRAINT ck_modules__core_is_active CHECK (is_active OR NOT is_core)
);
SELECT lastro_global_table('modules');

CREATE TABLE permissions (
    id uuid NOT NULL,
    module_id uuid NOT NULL,
    code text COLLATE "C" NOT NULL,
    resource text COLLATE "C" NOT NULL,
    action text COLLATE "C" NOT NULL,
    scope text NOT NULL,
    description text,
    -- Declared by a context: routes depend on it, so it cannot be deleted.
    is_declared boolean NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_permissions PRIMARY KEY (id),
    CONSTRAINT uq_permissions__code UNIQUE (code),
    CONSTRAINT fk_permissions__module_id FOREIGN KEY (module_id) REFERENCES modules (id),
    CONSTRAINT ck_permissions__scope CHECK (scope IN ('tenant', 'platform'))
);
CREATE INDEX ix_permissions__module_id ON permissions (module_id);
SELECT lastro_global_table('permissions');
