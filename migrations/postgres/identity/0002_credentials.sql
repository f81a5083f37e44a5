-- Keys of programs: each made by a user or a service account, and never worth more than its maker. A revoked one stays, so that
-- the trail and the list keep telling what it was.
CREATE TABLE api_keys (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    name_folded text COLLATE "C" NOT NULL,
    -- How a person recognises the current secret.
    prefix text COLLATE "C" NOT NULL,
    maker_kind text COLLATE "C" NOT NULL,
    maker_id uuid NOT NULL,
    maker_name text NOT NULL,
    expires_at timestamptz,
    -- Networks in CIDR form; empty for everywhere.
    ip_allowlist json NOT NULL,
    last_used_at timestamptz,
    revoked_at timestamptz,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_api_keys PRIMARY KEY (organization_id, id),
    CONSTRAINT fk_api_keys__organization_id FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT ck_api_keys__maker_kind CHECK (maker_kind IN ('user', 'service_account'))
);
CREATE INDEX ix_api_keys__name ON api_keys (organization_id, name_folded, id);
CREATE INDEX ix_api_keys__created_at ON api_keys (organization_id, created_at, id);
CREATE INDEX ix_api_keys__maker_id ON api_keys (organization_id, maker_id);
SELECT lastro_tenant_table('api_keys');

-- The secrets of a key: the current one, and those that still work for a while after a rotation.
CREATE TABLE api_key_secrets (
    organization_id uuid NOT NULL,
    -- SHA-256: a secret of 192 random bits needs no slow hash.
    digest bytea NOT NULL,
    api_key_id uuid NOT NULL,
    -- None for the current one.
    valid_until timestamptz,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_api_key_secrets PRIMARY KEY (organization_id, digest),
    CONSTRAINT fk_api_key_secrets__api_key_id FOREIGN KEY (organization_id, api_key_id)
        REFERENCES api_keys (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX ix_api_key_secrets__api_key_id ON api_key_secrets (organization_id, api_key_id);
SELECT lastro_tenant_table('api_key_secrets');

CREATE TABLE api_key_permissions (
    organization_id uuid NOT NULL,
    api_key_id uuid NOT NULL,
    permission_id uuid NOT NULL,
    CONSTRAINT pk_api_key_permissions PRIMARY KEY (organization_id, api_key_id, permission_id),
    CONSTRAINT fk_api_key_permissions__api_key_id FOREIGN KEY (organization_id, api_key_id)
        REFERENCES api_keys (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT fk_api_key_permissions__permission_id FOREIGN KEY (permission_id)
        REFERENCES permissions (id) ON DELETE CASCADE
);
CREATE INDEX ix_api_key_permissions__permission_id ON api_key_permissions (permission_id);
SELECT lastro_tenant_table('api_key_permissions');

-- Machines that log in with client credentials. Its client id is its id.
CREATE TABLE service_accounts (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    name_folded text COLLATE "C" NOT NULL,
    is_active boolean NOT NULL,
    last_used_at timestamptz,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_service_accounts PRIMARY KEY (organization_id, id),
    CONSTRAINT fk_service_accounts__organization_id FOREIGN KEY (organization_id) REFERENCES organizations (id)
);
CREATE INDEX ix_service_accounts__name ON service_accounts (organization_id, name_folded, id);
CREATE INDEX ix_service_accounts__created_at ON service_accounts (organization_id, created_at, id);
SELECT lastro_tenant_table('service_accounts');

CREATE TABLE service_account_permissions (
    organization_id uuid NOT NULL,
    service_account_id uuid NOT NULL,
    permission_id uuid NOT NULL,
    CONSTRAINT pk_service_account_permissions PRIMARY KEY (organization_id, service_account_id, permission_id),
    CONSTRAINT fk_service_account_permissions__service_account_id FOREIGN KEY (organization_id, service_account_id)
        REFERENCES service_accounts (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT fk_service_account_permissions__permission_id FOREIGN KEY (permission_id)
        REFERENCES permissions (id) ON DELETE CASCADE
);
CREATE INDEX ix_service_account_permissions__permission_id ON service_account_permissions (permission_id);
SELECT lastro_tenant_table('service_account_permissions');

-- The secrets of a service account, the current one and those that a rotation left for a while. A token carries the id of the
-- secret that it was asked for with, and dies with it.
CREATE TABLE client_secrets (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    service_account_id uuid NOT NULL,
    digest bytea NOT NULL,
    -- None for the current one.
    valid_until timestamptz,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_client_secrets PRIMARY KEY (organization_id, id),
    CONSTRAINT uq_client_secrets__organization_id__digest UNIQUE (organization_id, digest),
    CONSTRAINT fk_client_secrets__service_account_id FOREIGN KEY (organization_id, service_account_id)
        REFERENCES service_accounts (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX ix_client_secrets__service_account_id ON client_secrets (organization_id, service_account_id);
SELECT lastro_tenant_table('client_secrets');
