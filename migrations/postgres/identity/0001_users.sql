-- People: each a member of exactly one organization.
CREATE TABLE users (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    name_folded text COLLATE "C" NOT NULL,
    -- As it is unique: NFC and lower case.
    email text COLLATE "C" NOT NULL,
    -- As it is searched: without accents too.
    email_folded text COLLATE "C" NOT NULL,
    email_verified boolean NOT NULL,
    -- PHC string; none for whom only an external identity vouches, and for who has not accepted an invitation yet.
    password_hash text,
    is_active boolean NOT NULL,
    mfa_enabled boolean NOT NULL,
    last_login_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT pk_users PRIMARY KEY (organization_id, id),
    CONSTRAINT uq_users__organization_id__email UNIQUE (organization_id, email),
    CONSTRAINT fk_users__organization_id FOREIGN KEY (organization_id) REFERENCES organizations (id)
);
CREATE INDEX ix_users__name ON users (organization_id, name_folded, id);
CREATE INDEX ix_users__created_at ON users (organization_id, created_at, id);
SELECT lastro_tenant_table('users');

-- Who another system vouches for: single sign-on finds its user here.
CREATE TABLE external_identities (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    -- The other system, and its own name for the person.
    issuer text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_external_identities PRIMARY KEY (organization_id, id),
    CONSTRAINT uq_external_identities__organization_id__issuer__subject UNIQUE (organization_id, issuer, subject),
    CONSTRAINT fk_external_identities__user_id FOREIGN KEY (organization_id, user_id)
        REFERENCES users (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX ix_external_identities__user_id ON external_identities (organization_id, user_id);
SELECT lastro_tenant_table('external_identities');

-- Logins on one device each. One row holds a whole family of refresh tokens: they are made from a key outside the database, and
-- which were used follows from the newest.
CREATE TABLE sessions (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    user_agent text,
    ip text,
    -- The newest refresh token, and when its predecessor was used for it: the grace counts from there.
    generation bigint NOT NULL,
    rotated_at timestamptz,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    -- However often it is refreshed.
    ends_at timestamptz,
    revoked_at timestamptz,
    revocation_reason text,
    CONSTRAINT pk_sessions PRIMARY KEY (organization_id, id),
    CONSTRAINT fk_sessions__user_id FOREIGN KEY (organization_id, user_id)
        REFERENCES users (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT ck_sessions__generation CHECK (generation > 0),
    CONSTRAINT ck_sessions__revocation CHECK ((revoked_at IS NULL) = (revocation_reason IS NULL))
);
CREATE INDEX ix_sessions__user_id ON sessions (organization_id, user_id, created_at, id);
CREATE INDEX ix_sessions__expires_at ON sessions (organization_id, expires_at);
SELECT lastro_tenant_table('sessions');

-- What access tokens are signed with, sealed under the master key. Global: the installation signs, not an organization.
CREATE TABLE signing_keys (
    id uuid NOT NULL,
    -- The algorithm that it signs with now; none once another does. So there is one for each algorithm, whoever makes it first.
    signs text COLLATE "C",
    algorithm text COLLATE "C" NOT NULL,
    -- As published: JSON Web Key.
    public_key json NOT NULL,
    sealed_key bytea NOT NULL,
    created_at timestamptz NOT NULL,
    -- When its last token has ended and it is published no more; none while it signs.
    verifies_until timestamptz,
    CONSTRAINT pk_signing_keys PRIMARY KEY (id),
    CONSTRAINT uq_signing_keys__signs UNIQUE (signs),
    CONSTRAINT ck_signing_keys__signs CHECK ((signs IS NULL) = (verifies_until IS NOT NULL))
);
SELECT lastro_global_table('signing_keys');

-- Failed logins of one account: from one block of addresses, or in all where the block is empty. Kept alike for addresses that
-- belong to nobody, so an account is named by a keyed hash of what was asked for.
CREATE TABLE login_failures (
    organization_id uuid NOT NULL,
    account bytea NOT NULL,
    address_block text COLLATE "C" NOT NULL,
    -- The latest instants, oldest first: eight bytes each of microseconds since 1970, at most as many as lock.
    failures bytea NOT NULL,
    locks bigint NOT NULL,
    locked_until timestamptz,
    -- When nothing depends on it any more.
    stale_at timestamptz NOT NULL,
    CONSTRAINT pk_login_failures PRIMARY KEY (organization_id, account, address_block),
    CONSTRAINT fk_login_failures__organization_id FOREIGN KEY (organization_id) REFERENCES organizations (id)
);
CREATE INDEX ix_login_failures__stale_at ON login_failures (organization_id, stale_at);
SELECT lastro_tenant_table('login_failures');

-- Second factors: what an authenticator shares with the server.
CREATE TABLE user_mfa (
    organization_id uuid NOT NULL,
    user_id uuid NOT NULL,
    sealed_secret bytea NOT NULL,
    -- When its owner proved to have it; before that it protects nothing.
    confirmed_at timestamptz,
    -- The step of the last accepted code: a code works once.
    last_step bigint,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_user_mfa PRIMARY KEY (organization_id, user_id),
    CONSTRAINT fk_user_mfa__user_id FOREIGN KEY (organization_id, user_id)
        REFERENCES users (organization_id, id) ON DELETE CASCADE
);
SELECT lastro_tenant_table('user_mfa');

-- Codes that replace the second factor, each once. A used one is deleted.
CREATE TABLE mfa_recovery_codes (
    organization_id uuid NOT NULL,
    user_id uuid NOT NULL,
    digest bytea NOT NULL,
    CONSTRAINT pk_mfa_recovery_codes PRIMARY KEY (organization_id, user_id, digest),
    CONSTRAINT fk_mfa_recovery_codes__user_id FOREIGN KEY (organization_id, user_id)
        REFERENCES users (organization_id, id) ON DELETE CASCADE
);
SELECT lastro_tenant_table('mfa_recovery_codes');

-- Logins whose password was right and whose second step is missing.
CREATE TABLE mfa_challenges (
    organization_id uuid NOT NULL,
    digest bytea NOT NULL,
    user_id uuid NOT NULL,
    -- To enter a code, or to enrol first.
    purpose text NOT NULL,
    tries bigint NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT pk_mfa_challenges PRIMARY KEY (organization_id, digest),
    CONSTRAINT fk_mfa_challenges__user_id FOREIGN KEY (organization_id, user_id)
        REFERENCES users (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT ck_mfa_challenges__purpose CHECK (purpose IN ('verify', 'enrol'))
);
CREATE INDEX ix_mfa_challenges__user_id ON mfa_challenges (organization_id, user_id);
CREATE INDEX ix_mfa_challenges__expires_at ON mfa_challenges (organization_id, expires_at);
SELECT lastro_tenant_table('mfa_challenges');
