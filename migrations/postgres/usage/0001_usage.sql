-- What organizations consume, and what it is held against.
--
-- No row here refers to its organization by a foreign key: ten thousand rows a second would each lock and look at it.

-- What was reported, in the order in which it occurred.
CREATE TABLE usage_events (
    organization_id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    id uuid NOT NULL,
    metric text COLLATE "C" NOT NULL,
    quantity bigint NOT NULL,
    idempotency_key text COLLATE "C",
    recorded_at timestamptz NOT NULL,
    CONSTRAINT pk_usage_events PRIMARY KEY (organization_id, occurred_at, id),
    CONSTRAINT ck_usage_events__quantity CHECK (quantity >= 0)
);
SELECT lastro_tenant_table('usage_events');

-- The keys of reported events. They are kept for 32 days, events for longer.
CREATE TABLE usage_keys (
    organization_id uuid NOT NULL,
    key text COLLATE "C" NOT NULL,
    recorded_at timestamptz NOT NULL,
    CONSTRAINT pk_usage_keys PRIMARY KEY (organization_id, key)
);
CREATE INDEX ix_usage_keys__recorded_at ON usage_keys (organization_id, recorded_at);
SELECT lastro_tenant_table('usage_keys');

-- Sums over quarters of an hour: the longest stretch of which every hour and every day of every time zone is made. For levels, such
-- as users.active, they are by how much the level changed. Rows are updated in place, for which their pages leave room.
CREATE TABLE usage_aggregates (
    organization_id uuid NOT NULL,
    metric text COLLATE "C" NOT NULL,
    bucket timestamptz NOT NULL,
    quantity bigint NOT NULL,
    events bigint NOT NULL,
    CONSTRAINT pk_usage_aggregates PRIMARY KEY (organization_id, metric, bucket)
) WITH (fillfactor = 70);
SELECT lastro_tenant_table('usage_aggregates');

-- What quotas are held against: how much of a metric was used in each period, whether or not there is a quota of it, so that one
-- that is made in the middle of a period finds what was used before it. A total, like a level, begins at the Unix epoch.
CREATE TABLE usage_counters (
    organization_id uuid NOT NULL,
    metric text COLLATE "C" NOT NULL,
    period text NOT NULL,
    starts_at timestamptz NOT NULL,
    used bigint NOT NULL,
    -- What the last reservation was not to exceed.
    ceiling bigint NOT NULL,
    -- Goes up with every reservation, so that a recount can see whether there was one in between.
    changes bigint NOT NULL DEFAULT 1,
    -- The highest share of a limit, in percent, that was told in this period, and the limit.
    told bigint NOT NULL DEFAULT 0,
    told_limit bigint NOT NULL DEFAULT 0,
    CONSTRAINT pk_usage_counters PRIMARY KEY (organization_id, metric, period, starts_at),
    CONSTRAINT ck_usage_counters__period CHECK (period IN ('hour', 'day', 'month', 'total')),
    CONSTRAINT ck_usage_counters__used CHECK (used >= 0)
) WITH (fillfactor = 70);
SELECT lastro_tenant_table('usage_counters');

-- Since when an organization's events are kept. Of what was before, the sums are all there is.
CREATE TABLE usage_retention (
    organization_id uuid NOT NULL,
    kept_from timestamptz NOT NULL,
    CONSTRAINT pk_usage_retention PRIMARY KEY (organization_id)
);
SELECT lastro_tenant_table('usage_retention');
