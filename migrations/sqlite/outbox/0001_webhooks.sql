-- Events in the order in which they were handed on, and webhooks with their deliveries.

-- The number of the last event that was handed on, of each organization. Whoever hands on holds this row.
CREATE TABLE outbox_positions (
    organization_id BLOB NOT NULL,
    last INTEGER NOT NULL,
    CONSTRAINT pk_outbox_positions PRIMARY KEY (organization_id)
) STRICT, WITHOUT ROWID;

-- Each event's number: without gaps, and never lower than what a reader has seen, unlike ids, which are made before the commit.
CREATE TABLE outbox_log (
    organization_id BLOB NOT NULL,
    position INTEGER NOT NULL,
    event_id BLOB NOT NULL,
    type TEXT NOT NULL,
    CONSTRAINT pk_outbox_log PRIMARY KEY (organization_id, position),
    CONSTRAINT uq_outbox_log__event_id UNIQUE (organization_id, event_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE webhook_endpoints (
    organization_id BLOB NOT NULL,
    id BLOB NOT NULL,
    url TEXT NOT NULL,
    description TEXT,
    event_types TEXT NOT NULL,
    is_active INTEGER NOT NULL,
    -- Whose right to read it delivers by.
    maker_kind TEXT NOT NULL,
    maker_id BLOB NOT NULL,
    maker_name TEXT NOT NULL,
    -- Sealed; the former one signs too until it ends.
    secret BLOB NOT NULL,
    former_secret BLOB,
    former_until INTEGER,
    -- Since when nothing has arrived, while something was tried.
    failing_since INTEGER,
    -- Not before this instant is there something to do: the least due_at of its deliveries.
    due_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT pk_webhook_endpoints PRIMARY KEY (organization_id, id),
    CONSTRAINT ck_webhook_endpoints__is_active CHECK (is_active IN (0, 1)),
    CONSTRAINT ck_webhook_endpoints__maker_kind CHECK (maker_kind IN ('user', 'api_key', 'service_account', 'system')),
    CONSTRAINT ck_webhook_endpoints__former CHECK ((former_secret IS NULL) = (former_until IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_webhook_endpoints__due_at ON webhook_endpoints (due_at) WHERE due_at IS NOT NULL;

-- An event for an endpoint. The event stays where it is, perhaps with another organization; only a test carries its own.
CREATE TABLE webhook_deliveries (
    organization_id BLOB NOT NULL,
    id BLOB NOT NULL,
    webhook_id BLOB NOT NULL,
    event_organization_id BLOB NOT NULL,
    event_id BLOB NOT NULL,
    event_type TEXT NOT NULL,
    test_data TEXT,
    status TEXT NOT NULL,
    -- How often it was tried, and how often since it was last taken up.
    attempts INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    -- When it is tried next. While somebody tries, the instant from which that counts as lost.
    due_at INTEGER,
    lease BLOB,
    created_at INTEGER NOT NULL,
    finished_at INTEGER,
    CONSTRAINT pk_webhook_deliveries PRIMARY KEY (organization_id, id),
    CONSTRAINT ck_webhook_deliveries__status CHECK (status IN ('pending', 'failed', 'delivered', 'dead')),
    CONSTRAINT ck_webhook_deliveries__finished CHECK ((status IN ('delivered', 'dead')) = (due_at IS NULL)),
    CONSTRAINT ck_webhook_deliveries__finished_at CHECK ((due_at IS NULL) = (finished_at IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_webhook_deliveries__webhook_id ON webhook_deliveries (organization_id, webhook_id, id);
CREATE INDEX ix_webhook_deliveries__due_at ON webhook_deliveries (organization_id, webhook_id, due_at)
    WHERE due_at IS NOT NULL;
CREATE INDEX ix_webhook_deliveries__dead ON webhook_deliveries (organization_id, id) WHERE status = 'dead';

CREATE TABLE webhook_attempts (
    organization_id BLOB NOT NULL,
    delivery_id BLOB NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    status INTEGER,
    latency_ms INTEGER NOT NULL,
    error TEXT,
    response_body TEXT,
    CONSTRAINT pk_webhook_attempts PRIMARY KEY (organization_id, delivery_id, number)
) STRICT, WITHOUT ROWID;

-- Dead letters that somebody wants delivered after all. Done a few at a time, then removed.
CREATE TABLE webhook_replays (
    organization_id BLOB NOT NULL,
    id BLOB NOT NULL,
    webhook_id BLOB,
    from_at INTEGER,
    to_at INTEGER,
    requested_at INTEGER NOT NULL,
    CONSTRAINT pk_webhook_replays PRIMARY KEY (organization_id, id)
) STRICT, WITHOUT ROWID;
