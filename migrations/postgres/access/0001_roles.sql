-- System roles: catalogue rows, the same for every organization, changed by no route.
CREATE TABLE system_roles (
    id uuid NOT NULL,
    code text COLLATE "C" NOT NULL,
    name text NOT NULL,
    name_folded text COLLATE "C" NOT NULL,
    description text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_system_roles PRIMARY KEY (id),
    CONSTRAINT uq_system_roles__code UNIQUE (code)
);
SELECT lastro_global_table('system_roles');

-- An organization's own roles.
CREATE TABLE roles (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    code text COLLATE "C" NOT NULL,
    name text NOT NULL,
    name_folded text COLLATE "C" NOT NULL,
    description text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT pk_roles PRIMARY KEY (organization_id, id),
    CONSTRAINT uq_roles__organization_id__code UNIQUE (organization_id, code),
    CONSTRAINT fk_roles__organization_id FOREIGN KEY (organization_id) REFERENCES organizations (id)
);
CREATE INDEX ix_roles__name ON roles (organization_id, name_folded, id);
CREATE INDEX ix_roles__created_at ON roles (organization_id, created_at, id);
SELECT lastro_tenant_table('roles');
