-- What roles hold, and who holds roles. A grant names an organization's own role or a system role, never both: `granted_id` is
-- the one of the two that is there, so that it can be a part of the key.

-- The permissions of a role. A condition limits the grant to the objects of which it holds.
CREATE TABLE role_permissions (
    organization_id uuid NOT NULL,
    role_id uuid NOT NULL,
    permission_id uuid NOT NULL,
    condition json,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_role_permissions PRIMARY KEY (organization_id, role_id, permission_id),
    CONSTRAINT fk_role_permissions__role FOREIGN KEY (organization_id, role_id)
        REFERENCES roles (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT fk_role_permissions__permission_id FOREIGN KEY (permission_id) REFERENCES permissions (id) ON DELETE CASCADE
);
CREATE INDEX ix_role_permissions__permission_id ON role_permissions (permission_id);
SELECT lastro_tenant_table('role_permissions');

-- What a role inherits from.
CREATE TABLE role_parents (
    organization_id uuid NOT NULL,
    role_id uuid NOT NULL,
    granted_id uuid NOT NULL,
    parent_role_id uuid,
    parent_system_role_id uuid,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_role_parents PRIMARY KEY (organization_id, role_id, granted_id),
    CONSTRAINT fk_role_parents__role FOREIGN KEY (organization_id, role_id)
        REFERENCES roles (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT fk_role_parents__parent_role FOREIGN KEY (organization_id, parent_role_id)
        REFERENCES roles (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT fk_role_parents__parent_system_role_id FOREIGN KEY (parent_system_role_id) REFERENCES system_roles (id),
    CONSTRAINT ck_role_parents__one_parent CHECK ((parent_role_id IS NULL) <> (parent_system_role_id IS NULL)),
    CONSTRAINT ck_role_parents__granted_id CHECK (granted_id = coalesce(parent_role_id, parent_system_role_id)),
    CONSTRAINT ck_role_parents__not_itself CHECK (role_id <> granted_id)
);
CREATE INDEX ix_role_parents__parent_role ON role_parents (organization_id, parent_role_id);
SELECT lastro_tenant_table('role_parents');

-- The roles of a user. `module` limits a MODULE_MANAGER to one module; of every other grant it is empty.
CREATE TABLE user_roles (
    organization_id uuid NOT NULL,
    user_id uuid NOT NULL,
    granted_id uuid NOT NULL,
    module text COLLATE "C" NOT NULL,
    role_id uuid,
    system_role_id uuid,
    expires_at timestamptz,
    assigned_by_kind text NOT NULL,
    assigned_by_id uuid NOT NULL,
    assigned_by_name text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_user_roles PRIMARY KEY (organization_id, user_id, granted_id, module),
    CONSTRAINT fk_user_roles__user FOREIGN KEY (organization_id, user_id)
        REFERENCES users (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT fk_user_roles__role FOREIGN KEY (organization_id, role_id)
        REFERENCES roles (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT fk_user_roles__system_role_id FOREIGN KEY (system_role_id) REFERENCES system_roles (id),
    CONSTRAINT ck_user_roles__one_role CHECK ((role_id IS NULL) <> (system_role_id IS NULL)),
    CONSTRAINT ck_user_roles__granted_id CHECK (granted_id = coalesce(role_id, system_role_id)),
    CONSTRAINT ck_user_roles__assigned_by_kind CHECK (assigned_by_kind IN ('user', 'api_key', 'service_account', 'system'))
);
CREATE INDEX ix_user_roles__role ON user_roles (organization_id, role_id);
SELECT lastro_tenant_table('user_roles');

-- Groups of users, which can be granted roles and permissions.
CREATE TABLE groups (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    code text COLLATE "C" NOT NULL,
    name text NOT NULL,
    name_folded text COLLATE "C" NOT NULL,
    description text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT pk_groups PRIMARY KEY (organization_id, id),
    CONSTRAINT uq_groups__organization_id__code UNIQUE (organization_id, code),
    CONSTRAINT fk_groups__organization_id FOREIGN KEY (organization_id) REFERENCES organizations (id)
);
CREATE INDEX ix_groups__name ON groups (organization_id, name_folded, id);
CREATE INDEX ix_groups__created_at ON groups (organization_id, created_at, id);
SELECT lastro_tenant_table('groups');

CREATE TABLE group_members (
    organization_id uuid NOT NULL,
    group_id uuid NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_group_members PRIMARY KEY (organization_id, group_id, user_id),
    CONSTRAINT fk_group_members__group FOREIGN KEY (organization_id, group_id)
        REFERENCES groups (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT fk_group_members__user FOREIGN KEY (organization_id, user_id)
        REFERENCES users (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX ix_group_members__user ON group_members (organization_id, user_id);
SELECT lastro_tenant_table('group_members');

CREATE TABLE group_roles (
    organization_id uuid NOT NULL,
    group_id uuid NOT NULL,
    granted_id uuid NOT NULL,
    role_id uuid,
    system_role_id uuid,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_group_roles PRIMARY KEY (organization_id, group_id, granted_id),
    CONSTRAINT fk_group_roles__group FOREIGN KEY (organization_id, group_id)
        REFERENCES groups (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT fk_group_roles__role FOREIGN KEY (organization_id, role_id)
        REFERENCES roles (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT fk_group_roles__system_role_id FOREIGN KEY (system_role_id) REFERENCES system_roles (id),
    CONSTRAINT ck_group_roles__one_role CHECK ((role_id IS NULL) <> (system_role_id IS NULL)),
    CONSTRAINT ck_group_roles__granted_id CHECK (granted_id = coalesce(role_id, system_role_id))
);
CREATE INDEX ix_group_roles__role ON group_roles (organization_id, role_id);
SELECT lastro_tenant_table('group_roles');

CREATE TABLE group_permissions (
    organization_id uuid NOT NULL,
    group_id uuid NOT NULL,
    permission_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_group_permissions PRIMARY KEY (organization_id, group_id, permission_id),
    CONSTRAINT fk_group_permissions__group FOREIGN KEY (organization_id, group_id)
        REFERENCES groups (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT fk_group_permissions__permission_id FOREIGN KEY (permission_id) REFERENCES permissions (id) ON DELETE CASCADE
);
CREATE INDEX ix_group_permissions__permission_id ON group_permissions (permission_id);
SELECT lastro_tenant_table('group_permissions');
