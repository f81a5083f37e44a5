-- Events in the order in which they were handed on, and webhooks with their deliveries.

-- The number of the last event that was handed on, of each organization. Whoever hands on holds this row.
CREATE TABLE outbox_positions (
    organization_id uuid NOT NULL,
    last bigint NOT NULL,
    CONSTRAINT pk_outbox_positions PRIMARY KEY (organization_id)
) WITH (fillfactor = 50);
SELECT lastro_tenant_table('outbox_positions');

-- Each event's number: without gaps, and never lower than what a reader has seen, unlike ids, which are made before the commit.
CREATE TABLE outbox_log (
    organization_id uuid NOT NULL,
    position bigint NOT NULL,
    event_id uuid NOT NULL,
    type text COLLATE "C" NOT NULL,
    CONSTRAINT pk_outbox_log PRIMARY KEY (organization_id, position),
    CONSTRAINT uq_outbox_log__event_id UNIQUE (organization_id, event_id)
);
SELECT lastro_tenant_table('outbox_log');

CREATE TABLE webhook_endpoints (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    url text NOT NULL,
    description text,
    event_types json NOT NULL,
    is_active boolean NOT NULL,
    -- Whose right to read it delivers by.
    maker_kind text NOT NULL,
    maker_id uuid NOT NULL,
    maker_name text NOT NULL,
    -- Sealed; the former one signs too until it ends.
    secret bytea NOT NULL,
    former_secret bytea,
    former_until timestamptz,
    -- Since when nothing has arrived, while something was tried.
    failing_since timestamptz,
    -- Not before this instant is there something to do: the least due_at of its deliveries.
    due_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT pk_webhook_endpoints PRIMARY KEY (organization_id, id),
    CONSTRAINT ck_webhook_endpoints__maker_kind CHECK (maker_kind IN ('user', 'api_key', 'service_account', 'system')),
    CONSTRAINT ck_webhook_endpoints__former CHECK ((former_secret IS NULL) = (former_until IS NULL))
) WITH (fillfactor = 70);
CREATE INDEX ix_webhook_endpoints__due_at ON webhook_endpoints (due_at) WHERE due_at IS NOT NULL;
SELECT lastro_tenant_table('webhook_endpoints');

-- An event for an endpoint. The event stays where it is, perhaps with another organization; only a test carries its own.
CREATE TABLE webhook_deliveries (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    webhook_id uuid NOT NULL,
    event_organization_id uuid NOT NULL,
    event_id uuid NOT NULL,
    event_type text COLLATE "C" NOT NULL,
    test_data json,
    status text COLLATE "C" NOT NULL,
    -- How often it was tried, and how often since it was last taken up.
    attempts bigint NOT NULL,
    tries bigint NOT NULL,
    -- When it is tried next. While somebody tries, the instant from which that counts as lost.
    due_at timestamptz,
    lease uuid,
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    CONSTRAINT pk_webhook_deliveries PRIMARY KEY (organization_id, id),
    CONSTRAINT ck_webhook_deliveries__status CHECK (status IN ('pending', 'failed', 'delivered', 'dead')),
    CONSTRAINT ck_webhook_deliveries__finished CHECK ((status IN ('delivered', 'dead')) = (due_at IS NULL)),
    CONSTRAINT ck_webhook_deliveries__finished_at CHECK ((due_at IS NULL) = (finished_at IS NOT NULL))
    -- Each row changes twice and then no more: dead ones are cleared by their number, not by their share.
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000);
CREATE INDEX ix_webhook_deliveries__webhook_id ON webhook_deliveries (organization_id, webhook_id, id);
CREATE INDEX ix_webhook_deliveries__due_at ON webhook_deliveries (organization_id, webhook_id, due_at)
    WHERE due_at IS NOT NULL;
CREATE INDEX ix_webhook_deliveries__dead ON webhook_deliveries (organization_id, id) WHERE status = 'dead';
SELECT lastro_tenant_table('webhook_deliveries');

CREATE TABLE webhook_attempts (
    organization_id uuid NOT NULL,
    delivery_id uuid NOT NULL,
    number bigint NOT NULL,
    at timestamptz NOT NULL,
    status bigint,
    latency_ms bigint NOT NULL,
    error text,
    response_body text,
    CONSTRAINT pk_webhook_attempts PRIMARY KEY (organization_id, delivery_id, number)
);
SELECT lastro_tenant_table('webhook_attempts');

-- Dead letters that somebody wants delivered after all. Done a few at a time, then removed.
CREATE TABLE webhook_replays (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    webhook_id uuid,
    from_at timestamptz,
    to_at timestamptz,
    requested_at timestamptz NOT NULL,
    CONSTRAINT pk_webhook_replays PRIMARY KEY (organization_id, id)
);
SELECT lastro_tenant_table('webhook_replays');
