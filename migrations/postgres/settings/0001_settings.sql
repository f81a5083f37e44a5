-- What organizations chose for themselves. A setting that is not in `chosen` follows the program's default, also a later one.
CREATE TABLE settings (
    organization_id uuid NOT NULL,
    chosen json NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT pk_settings PRIMARY KEY (organization_id),
    CONSTRAINT fk_settings__organization_id FOREIGN KEY (organization_id) REFERENCES organizations (id)
);
SELECT lastro_tenant_table('settings');

-- Pictures, by their content: served to anybody who knows the hash.
CREATE TABLE branding_assets (
    organization_id uuid NOT NULL,
    sha256 bytea NOT NULL,
    content_type text NOT NULL,
    bytes bytea NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_branding_assets PRIMARY KEY (organization_id, sha256),
    CONSTRAINT ck_branding_assets__sha256 CHECK (length(sha256) = 32),
    CONSTRAINT fk_branding_assets__organization_id FOREIGN KEY (organization_id) REFERENCES organizations (id)
);
CREATE INDEX ix_branding_assets__sha256 ON branding_assets (sha256);
-- Pictures are compressed already.
ALTER TABLE branding_assets ALTER COLUMN bytes SET STORAGE EXTERNAL;
SELECT lastro_tenant_table('branding_assets');

-- How an organization looks. Colours are `#RRGGBB`.
CREATE TABLE branding (
    organization_id uuid NOT NULL,
    display_name text,
    logo bytea,
    favicon bytea,
    primary_color text,
    accent_color text,
    primary_color_dark text,
    accent_color_dark text,
    support_email text,
    support_url text,
    terms_url text,
    privacy_url text,
    updated_at timestamptz NOT NULL,
    CONSTRAINT pk_branding PRIMARY KEY (organization_id),
    CONSTRAINT fk_branding__organization_id FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT fk_branding__logo FOREIGN KEY (organization_id, logo) REFERENCES branding_assets (organization_id, sha256),
    CONSTRAINT fk_branding__favicon FOREIGN KEY (organization_id, favicon) REFERENCES branding_assets (organization_id, sha256)
);
SELECT lastro_tenant_table('branding');

-- Connections to other systems. `secrets` is sealed under the master key, whose name stands in the envelope.
CREATE TABLE integrations (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    provider text COLLATE "C" NOT NULL,
    name text NOT NULL,
    name_folded text COLLATE "C" NOT NULL,
    config json NOT NULL,
    secrets bytea,
    is_active boolean NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT pk_integrations PRIMARY KEY (organization_id, id),
    CONSTRAINT fk_integrations__organization_id FOREIGN KEY (organization_id) REFERENCES organizations (id)
);
CREATE INDEX ix_integrations__name ON integrations (organization_id, name_folded, id);
CREATE INDEX ix_integrations__created_at ON integrations (organization_id, created_at, id);
SELECT lastro_tenant_table('integrations');
