-- What a customer has contracted. Who may use a module is computed from these rows and never copied into others: an edit of a
-- package is an edit of its own rows, however many organizations are on it.
--
-- Every row that switches a module on carries an epoch, greater than the off_epoch of every module there was. Switching a module
-- for the whole installation gives the module a greater off_epoch: what was on before counts for nothing any more.

-- When the module was last switched off for the whole installation.
ALTER TABLE modules ADD COLUMN off_at INTEGER;

CREATE TABLE packages (
    id BLOB NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    description TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT pk_packages PRIMARY KEY (id),
    CONSTRAINT uq_packages__code UNIQUE (code)
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_packages__name ON packages (name_folded, id);
CREATE INDEX ix_packages__created_at ON packages (created_at, id);

CREATE TABLE package_modules (
    package_id BLOB NOT NULL,
    module_id BLOB NOT NULL,
    on_epoch INTEGER NOT NULL,
    added_at INTEGER NOT NULL,
    CONSTRAINT pk_package_modules PRIMARY KEY (package_id, module_id),
    CONSTRAINT fk_package_modules__package_id FOREIGN KEY (package_id) REFERENCES packages (id) ON DELETE CASCADE,
    CONSTRAINT fk_package_modules__module_id FOREIGN KEY (module_id) REFERENCES modules (id)
) STRICT, WITHOUT ROWID;

CREATE TABLE package_withheld_permissions (
    package_id BLOB NOT NULL,
    permission_id BLOB NOT NULL,
    CONSTRAINT pk_package_withheld_permissions PRIMARY KEY (package_id, permission_id),
    CONSTRAINT fk_package_withheld_permissions__package_id FOREIGN KEY (package_id) REFERENCES packages (id) ON DELETE CASCADE,
    CONSTRAINT fk_package_withheld_permissions__permission_id FOREIGN KEY (permission_id) REFERENCES permissions (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE package_quotas (
    package_id BLOB NOT NULL,
    metric TEXT NOT NULL,
    period TEXT NOT NULL,
    quota_limit INTEGER NOT NULL,
    mode TEXT NOT NULL,
    CONSTRAINT pk_package_quotas PRIMARY KEY (package_id, metric, period),
    CONSTRAINT fk_package_quotas__package_id FOREIGN KEY (package_id) REFERENCES packages (id) ON DELETE CASCADE,
    CONSTRAINT ck_package_quotas__period CHECK (period IN ('hour', 'day', 'month', 'total')),
    CONSTRAINT ck_package_quotas__quota_limit CHECK (quota_limit >= 0),
    CONSTRAINT ck_package_quotas__mode CHECK (mode IN ('hard', 'soft'))
) STRICT, WITHOUT ROWID;

-- Which package an organization is on; organizations.package_code shows the same to clients. The reference is what keeps a package
-- in use from being deleted.
CREATE TABLE organization_packages (
    organization_id BLOB NOT NULL,
    package_id BLOB NOT NULL,
    on_epoch INTEGER NOT NULL,
    assigned_at INTEGER NOT NULL,
    CONSTRAINT pk_organization_packages PRIMARY KEY (organization_id),
    CONSTRAINT fk_organization_packages__organization_id FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT fk_organization_packages__package_id FOREIGN KEY (package_id) REFERENCES packages (id)
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_organization_packages__package_id ON organization_packages (package_id, organization_id);

-- Modules switched by hand, on or off; they stay so through package changes.
CREATE TABLE organization_modules (
    organization_id BLOB NOT NULL,
    module_id BLOB NOT NULL,
    is_active INTEGER NOT NULL CONSTRAINT ck_organization_modules__is_active CHECK (is_active IN (0, 1)),
    on_epoch INTEGER NOT NULL,
    activated_at INTEGER,
    deactivated_at INTEGER,
    CONSTRAINT pk_organization_modules PRIMARY KEY (organization_id, module_id),
    CONSTRAINT fk_organization_modules__organization_id FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT fk_organization_modules__module_id FOREIGN KEY (module_id) REFERENCES modules (id)
) STRICT, WITHOUT ROWID;

-- Exceptions for one organization. One that has expired says nothing from that instant on, without anybody having to remove it.
CREATE TABLE module_overrides (
    organization_id BLOB NOT NULL,
    module_id BLOB NOT NULL,
    effect TEXT NOT NULL,
    reason TEXT,
    expires_at INTEGER,
    on_epoch INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT pk_module_overrides PRIMARY KEY (organization_id, module_id),
    CONSTRAINT fk_module_overrides__organization_id FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT fk_module_overrides__module_id FOREIGN KEY (module_id) REFERENCES modules (id),
    CONSTRAINT ck_module_overrides__effect CHECK (effect IN ('grant', 'withhold'))
) STRICT, WITHOUT ROWID;

CREATE TABLE permission_overrides (
    organization_id BLOB NOT NULL,
    permission_id BLOB NOT NULL,
    effect TEXT NOT NULL,
    reason TEXT,
    expires_at INTEGER,
    created_at INTEGER NOT NULL,
    CONSTRAINT pk_permission_overrides PRIMARY KEY (organization_id, permission_id),
    CONSTRAINT fk_permission_overrides__organization_id FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT fk_permission_overrides__permission_id FOREIGN KEY (permission_id) REFERENCES permissions (id) ON DELETE CASCADE,
    CONSTRAINT ck_permission_overrides__effect CHECK (effect IN ('grant', 'withhold'))
) STRICT, WITHOUT ROWID;

CREATE TABLE quota_overrides (
    organization_id BLOB NOT NULL,
    metric TEXT NOT NULL,
    period TEXT NOT NULL,
    quota_limit INTEGER NOT NULL,
    mode TEXT NOT NULL,
    reason TEXT,
    expires_at INTEGER,
    created_at INTEGER NOT NULL,
    CONSTRAINT pk_quota_overrides PRIMARY KEY (organization_id, metric, period),
    CONSTRAINT fk_quota_overrides__organization_id FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT ck_quota_overrides__period CHECK (period IN ('hour', 'day', 'month', 'total')),
    CONSTRAINT ck_quota_overrides__quota_limit CHECK (quota_limit >= 0),
    CONSTRAINT ck_quota_overrides__mode CHECK (mode IN ('hard', 'soft'))
) STRICT, WITHOUT ROWID;
