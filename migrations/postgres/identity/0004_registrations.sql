-- Who registered and has not confirmed the address yet: an inactive user whom the link in the mail activates. One whom an
-- administrator deactivated is not here, and no link activates it.
CREATE TABLE pending_registrations (
    organization_id uuid NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_pending_registrations PRIMARY KEY (organization_id, user_id),
    CONSTRAINT fk_pending_registrations__user_id FOREIGN KEY (organization_id, user_id)
        REFERENCES users (organization_id, id) ON DELETE CASCADE
);
SELECT lastro_tenant_table('pending_registrations');
