-- Events on their way to whoever wants to hear of them: written with the event, taken off when it has been handed on.
-- That a row is here says all: ids are made before the commit, so no position in the events tells what was handed on.

CREATE TABLE outbox_queue (
    organization_id uuid NOT NULL,
    event_id uuid NOT NULL,
    CONSTRAINT pk_outbox_queue PRIMARY KEY (organization_id, event_id)
    -- A queue is short and turns over fast: its dead rows are cleared by their number, not by their share.
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
SELECT lastro_tenant_table('outbox_queue');
