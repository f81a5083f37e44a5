-- Mails that wait to be sent, were sent, or could not be. They hold what their text is made of, and no secret: the token of a link is
-- made when the mail is sent.
CREATE TABLE mail_queue (
    organization_id BLOB NOT NULL,
    id BLOB NOT NULL,
    kind TEXT NOT NULL,
    recipient TEXT NOT NULL,
    recipient_name TEXT,
    -- Whom its link is for, where that is known when it is queued.
    user_id BLOB,
    params TEXT NOT NULL,
    -- The organization's language where none is named.
    locale TEXT,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_attempt_at INTEGER NOT NULL,
    -- Why the last attempt failed.
    last_error TEXT,
    created_at INTEGER NOT NULL,
    CONSTRAINT pk_mail_queue PRIMARY KEY (organization_id, id),
    CONSTRAINT fk_mail_queue__organization_id FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT fk_mail_queue__user_id FOREIGN KEY (organization_id, user_id)
        REFERENCES users (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT ck_mail_queue__state CHECK (state IN ('queued', 'sent', 'dead'))
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_mail_queue__due ON mail_queue (organization_id, next_attempt_at) WHERE state = 'queued';
CREATE INDEX ix_mail_queue__recipient ON mail_queue (organization_id, recipient, kind, created_at);
CREATE INDEX ix_mail_queue__user_id ON mail_queue (organization_id, user_id);
CREATE INDEX ix_mail_queue__created_at ON mail_queue (organization_id, created_at);

-- What the links of mails carry, as digests. One that was used is deleted.
CREATE TABLE one_time_tokens (
    organization_id BLOB NOT NULL,
    digest BLOB NOT NULL,
    purpose TEXT NOT NULL,
    user_id BLOB NOT NULL,
    -- The address that it was sent to, and so proves.
    email TEXT NOT NULL,
    -- The mail it is in: another attempt replaces it.
    mail_id BLOB,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    CONSTRAINT pk_one_time_tokens PRIMARY KEY (organization_id, digest),
    CONSTRAINT fk_one_time_tokens__user_id FOREIGN KEY (organization_id, user_id)
        REFERENCES users (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT ck_one_time_tokens__purpose CHECK (purpose IN ('reset', 'verify', 'email_change', 'setup'))
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_one_time_tokens__user_id ON one_time_tokens (organization_id, user_id, purpose);
CREATE INDEX ix_one_time_tokens__expires_at ON one_time_tokens (organization_id, expires_at);

-- Invitations that were neither accepted nor revoked.
CREATE TABLE invitations (
    organization_id BLOB NOT NULL,
    id BLOB NOT NULL,
    email TEXT NOT NULL,
    -- The roles it will grant, as a list of ids. Roles belong to another context: one that is deleted meanwhile grants nothing.
    role_ids TEXT NOT NULL,
    -- Of the token in its mail; none before it was sent.
    digest BLOB,
    -- Who will come in by it, where that is a user already: the first administrator of an organization.
    user_id BLOB,
    -- Against whom its grants are judged once more when it is accepted.
    inviter_kind TEXT NOT NULL,
    inviter_id BLOB NOT NULL,
    inviter_name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    CONSTRAINT pk_invitations PRIMARY KEY (organization_id, id),
    CONSTRAINT uq_invitations__organization_id__email UNIQUE (organization_id, email),
    CONSTRAINT uq_invitations__organization_id__digest UNIQUE (organization_id, digest),
    CONSTRAINT fk_invitations__organization_id FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT fk_invitations__user_id FOREIGN KEY (organization_id, user_id)
        REFERENCES users (organization_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_invitations__created_at ON invitations (organization_id, created_at, id);
CREATE INDEX ix_invitations__user_id ON invitations (organization_id, user_id);

-- Which organizations an address belongs to, for the mail that tells it.
CREATE INDEX ix_users__email ON users (email);
