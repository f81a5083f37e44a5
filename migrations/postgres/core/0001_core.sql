-- What every unit of work writes beside its own rows, and how a table joins the tenancy.

-- A tenant table: units of work see only the organization named at BEGIN ('*' for work that left the tenant for a stated
-- reason), and outside a unit none; reads outside units come from statements that bind the organization themselves, with a
-- role that can only SELECT.
CREATE FUNCTION lastro_tenant_table(name regclass, append_only boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format(
        'CREATE POLICY tenant ON %s TO lastro_write USING ('
        || 'organization_id = nullif(nullif(current_setting(''lastro.organization'', true), ''*''), '''')::uuid '
        || 'OR current_setting(''lastro.organization'', true) = ''*'')', name);
    EXECUTE format('CREATE POLICY reading ON %s FOR SELECT TO lastro_read USING (true)', name);
    EXECUTE format('GRANT SELECT ON %s TO lastro_read', name);
    IF append_only THEN
        EXECUTE format('GRANT SELECT, INSERT ON %s TO lastro_write', name);
    ELSE
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO lastro_write', name);
    END IF;
END
$$;

-- A global table: no organization owns its rows.
CREATE FUNCTION lastro_global_table(name regclass) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('GRANT SELECT ON %s TO lastro_read', name);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO lastro_write', name);
END
$$;

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
SELECT lastro_tenant_table('audit_entries', true);

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
SELECT lastro_tenant_table('outbox_events');

CREATE TABLE idempotency_records (
    organization_id uuid NOT NULL,
    actor_kind text NOT NULL,
    actor_id uuid NOT NULL,
    key text COLLATE "C" NOT NULL,
    fingerprint bytea NOT NULL,
    status bigint NOT NULL,
    headers json NOT NULL,
    body bytea NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT pk_idempotency_records PRIMARY KEY (organization_id, actor_kind, actor_id, key)
);
SELECT lastro_tenant_table('idempotency_records');

CREATE TABLE access_versions (
    organization_id uuid NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT pk_access_versions PRIMARY KEY (organization_id)
);
SELECT lastro_tenant_table('access_versions');

-- xid orders the feed by what is visible: a reader starts again at the oldest transaction that was still open.
CREATE TABLE access_changes (
    seq bigint GENERATED ALWAYS AS IDENTITY,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    organization_id uuid,
    kind text NOT NULL,
    subject uuid,
    until timestamptz,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_access_changes PRIMARY KEY (seq)
);
CREATE INDEX ix_access_changes__xid ON access_changes (xid);
SELECT lastro_global_table('access_changes');
