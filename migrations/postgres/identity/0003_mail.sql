-- Mails that wait to be sent, were sent, or could not be. They hold what their text is made of, and no secret: the token of a link is
-- made when the mail is sent.
CREATE TABLE mail_queue (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    kind text COLLATE "C" NOT NULL,
    recipient text COLLATE "C" NOT NULL,
    recipient_name text,
    -- Whom its link is for, where that is known when it is queued.
    user_id uuid,
    params json NOT NULL,
    -- The organization's language where none is named.
    locale text COLLATE "C",
    state text COLLATE "C" NOT NULL,
    attempts bigint NOT NULL,
    next_attempt_at timestamptz NOT NULL,
    -- Why the last attempt failed.
    last_error text,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_mail_queue PRIMARY KEY (organization_id, id),
    CONSTRAINT fk_mail_queue__organization_id FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT fk_mail_queue__user_id FOREIGN KEY (organization_id, user_id)
        REFERENCES users (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT ck_mail_queue__state CHECK (state IN ('queued', 'sent', 'dead'))
);
CREATE INDEX ix_mail_queue__due ON mail_queue (organization_id, next_attempt_at) WHERE state = 'queued';
CREATE INDEX ix_mail_queue__recipient ON mail_queue (organization_id, recipient, kind, created_at);
CREATE INDEX ix_mail_queue__user_id ON mail_queue (organization_id, user_id);
CREATE INDEX ix_mail_queue__created_at ON mail_queue (organization_id, created_at);
SELECT lastro_tenant_table('mail_queue');

-- What the links of mails carry, as digests. One that was used is deleted.
CREATE TABLE one_time_tokens (
    organization_id uuid NOT NULL,
    digest bytea NOT NULL,
    purpose text COLLATE "C" NOT NULL,
    user_id uuid NOT NULL,
    -- The address that it was sent to, and so proves.
    email text COLLATE "C" NOT NULL,
    -- The mail it is in: another attempt replaces it.
    mail_id uuid,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT pk_one_time_tokens PRIMARY KEY (organization_id, digest),
    CONSTRAINT fk_one_time_tokens__user_id FOREIGN KEY (organization_id, user_id)
        REFERENCES users (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT ck_one_time_tokens__purpose CHECK (purpose IN ('reset', 'verify', 'email_change', 'setup'))
);
CREATE INDEX ix_one_time_tokens__user_id ON one_time_tokens (organization_id, user_id, purpose);
CREATE INDEX ix_one_time_tokens__expires_at ON one_time_tokens (organization_id, expires_at);
SELECT lastro_tenant_table('one_time_tokens');

-- Invitations that were neither accepted nor revoked.
CREATE TABLE invitations (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    email text COLLATE "C" NOT NULL,
    -- The roles it will grant, as a list of ids. Roles belong to another context: one that is deleted meanwhile grants nothing.
    role_ids json NOT NULL,
    -- Of the token in its mail; none before it was sent.
    digest bytea,
    -- Who will come in by it, where that is a user already: the first administrator of an organization.
    user_id uuid,
    -- Against whom its grants are judged once more when it is accepted.
    inviter_kind text COLLATE "C" NOT NULL,
    inviter_id uuid NOT NULL,
    inviter_name text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT pk_invitations PRIMARY KEY (organization_id, id),
    CONSTRAINT uq_invitations__organization_id__email UNIQUE (organization_id, email),
    CONSTRAINT uq_invitations__organization_id__digest UNIQUE (organization_id, digest),
    CONSTRAINT fk_invitations__organization_id FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT fk_invitations__user_id FOREIGN KEY (organization_id, user_id)
        REFERENCES users (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX ix_invitations__created_at ON invitations (organization_id, created_at, id);
CREATE INDEX ix_invitations__user_id ON invitations (organization_id, user_id);
SELECT lastro_tenant_table('invitations');

-- Which organizations an address belongs to, for the mail that tells it.
CREATE INDEX ix_users__email ON users (email);
