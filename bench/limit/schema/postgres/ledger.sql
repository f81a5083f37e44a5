CREATE TABLE audit_entries (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    actor_kind text NOT NULL,
    actor_id uuid NOT NULL,
    actor_name text NOT NULL,
    action text NOT NULL,
    target_kind text NOT NULL,
    target_id uuid NOT NULL,
    changes json,
    request_id text,
    ip text,
    user_agent text,
    count bigint NOT NULL DEFAULT 1,
    CONSTRAINT pk_audit_entries PRIMARY KEY (organization_id, id),
    CONSTRAINT ck_audit_entries__actor_kind CHECK (actor_kind IN ('user', 'api_key', 'service_account', 'system')),
    CONSTRAINT ck_audit_entries__count CHECK (count > 0)
);

CREATE TABLE outbox_events (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    type text COLLATE "C" NOT NULL,
    subject_kind text NOT NULL,
    subject_id uuid NOT NULL,
    data json NOT NULL,
    CONSTRAINT pk_outbox_events PRIMARY KEY (organization_id, id)
);
