-- Support sessions: somebody of the platform acts in this organization for a while, as a guest whose id is the session's. Each lives
-- no longer than the login it was opened from, which is the platform's and so no row that this one could refer to.
CREATE TABLE support_sessions (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    -- Who, and from which login.
    user_id uuid NOT NULL,
    login_id uuid NOT NULL,
    reason text NOT NULL,
    can_write boolean NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    -- When it was ended before its time.
    ended_at timestamptz,
    CONSTRAINT pk_support_sessions PRIMARY KEY (organization_id, id),
    CONSTRAINT fk_support_sessions__organization_id FOREIGN KEY (organization_id) REFERENCES organizations (id)
);
CREATE INDEX ix_support_sessions__expires_at ON support_sessions (organization_id, expires_at);
SELECT lastro_tenant_table('support_sessions');
