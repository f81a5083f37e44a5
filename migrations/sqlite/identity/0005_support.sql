-- Support sessions: somebody of the platform acts in this organization for a while, as a guest whose id is the session's. Each lives
-- no longer than the login it was opened from, which is the platform's and so no row that this one could refer to.
CREATE TABLE support_sessions (
    organization_id BLOB NOT NULL,
    id BLOB NOT NULL,
    -- Who, and from which login.
    user_id BLOB NOT NULL,
    login_id BLOB NOT NULL,
    reason TEXT NOT NULL,
    can_write INTEGER NOT NULL CONSTRAINT ck_support_sessions__can_write CHECK (can_write IN (0, 1)),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    -- When it was ended before its time.
    ended_at INTEGER,
    CONSTRAINT pk_support_sessions PRIMARY KEY (organization_id, id),
    CONSTRAINT fk_support_sessions__organization_id FOREIGN KEY (organization_id) REFERENCES organizations (id)
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_support_sessions__expires_at ON support_sessions (organization_id, expires_at);
