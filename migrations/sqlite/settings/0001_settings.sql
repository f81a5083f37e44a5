-- What organizations chose for themselves. A setting that is not in `chosen` follows the program's default, also a later one.
CREATE TABLE settings (
    organization_id BLOB NOT NULL,
    chosen TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT pk_settings PRIMARY KEY (organization_id),
    CONSTRAINT fk_settings__organization_id FOREIGN KEY (organization_id) REFERENCES organizations (id)
) STRICT, WITHOUT ROWID;

-- Pictures, by their content: served to anybody who knows the hash.
CREATE TABLE branding_assets (
    organization_id BLOB NOT NULL,
    sha256 BLOB NOT NULL CONSTRAINT ck_branding_assets__sha256 CHECK (length(sha256) = 32),
    content_type TEXT NOT NULL,
    bytes BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT pk_branding_assets PRIMARY KEY (organization_id, sha256),
    CONSTRAINT fk_branding_assets__organization_id FOREIGN KEY (organization_id) REFERENCES organizations (id)
) STRICT;
CREATE INDEX ix_branding_assets__sha256 ON branding_assets (sha256);

-- How an organization looks. Colours are `#RRGGBB`.
CREATE TABLE branding (
    organization_id BLOB NOT NULL,
    display_name TEXT,
    logo BLOB,
    favicon BLOB,
    primary_color TEXT,
    accent_color TEXT,
    primary_color_dark TEXT,
    accent_color_dark TEXT,
    support_email TEXT,
    support_url TEXT,
    terms_url TEXT,
    privacy_url TEXT,
    updated_at INTEGER NOT NULL,
    CONSTRAINT pk_branding PRIMARY KEY (organization_id),
    CONSTRAINT fk_branding__organization_id FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT fk_branding__logo FOREIGN KEY (organization_id, logo) REFERENCES branding_assets (organization_id, sha256),
    CONSTRAINT fk_branding__favicon FOREIGN KEY (organization_id, favicon) REFERENCES branding_assets (organization_id, sha256)
) STRICT, WITHOUT ROWID;

-- Connections to other systems. `secrets` is sealed under the master key, whose name stands in the envelope.
CREATE TABLE integrations (
    organization_id BLOB NOT NULL,
    id BLOB NOT NULL,
    provider TEXT NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    config TEXT NOT NULL,
    secrets BLOB,
    is_active INTEGER NOT NULL CONSTRAINT ck_integrations__is_active CHECK (is_active IN (0, 1)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT pk_integrations PRIMARY KEY (organization_id, id),
    CONSTRAINT fk_integrations__organization_id FOREIGN KEY (organization_id) REFERENCES organizations (id)
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_integrations__name ON integrations (organization_id, name_folded, id);
CREATE INDEX ix_integrations__created_at ON integrations (organization_id, created_at, id);
