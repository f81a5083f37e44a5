-- Endpoints that want events in order: of those with one key, one is under way and the others wait for it.

ALTER TABLE webhook_endpoints ADD COLUMN ordering TEXT NOT NULL DEFAULT 'none'
    CONSTRAINT ck_webhook_endpoints__ordering CHECK (ordering IN ('none', 'organization', 'aggregate'));

-- What the delivery must not overtake others of, and its place among them: that of its event in the log.
ALTER TABLE webhook_deliveries ADD COLUMN order_key BLOB;
ALTER TABLE webhook_deliveries ADD COLUMN position INTEGER
    CONSTRAINT ck_webhook_deliveries__order CHECK ((order_key IS NULL) = (position IS NULL));
-- Since when it waits for those before it; it then is due, and nobody's to take.
ALTER TABLE webhook_deliveries ADD COLUMN waiting_since INTEGER
    CONSTRAINT ck_webhook_deliveries__waiting
    CHECK (waiting_since IS NULL OR (order_key IS NOT NULL AND due_at IS NOT NULL AND lease IS NULL));

-- With the id, what is due is found in its order, however many were handed on at one instant.
DROP INDEX ix_webhook_deliveries__due_at;
CREATE INDEX ix_webhook_deliveries__due ON webhook_deliveries (organization_id, webhook_id, due_at, id)
    WHERE due_at IS NOT NULL AND waiting_since IS NULL;
CREATE INDEX ix_webhook_deliveries__order ON webhook_deliveries (organization_id, webhook_id, order_key, position)
    WHERE order_key IS NOT NULL AND due_at IS NOT NULL;
-- Two of one key are never under way at once, whatever the program does.
CREATE UNIQUE INDEX uq_webhook_deliveries__under_way ON webhook_deliveries (organization_id, webhook_id, order_key)
    WHERE order_key IS NOT NULL AND due_at IS NOT NULL AND waiting_since IS NULL;
