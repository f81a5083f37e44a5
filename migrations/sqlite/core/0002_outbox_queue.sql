-- Events on their way to whoever wants to hear of them: written with the event, taken off when it has been handed on.
-- That a row is here says all: ids are made before the commit, so no position in the events tells what was handed on.

CREATE TABLE outbox_queue (
    organization_id BLOB NOT NULL,
    event_id BLOB NOT NULL,
    CONSTRAINT pk_outbox_queue PRIMARY KEY (organization_id, event_id)
) STRICT, WITHOUT ROWID;
