//! Outbox: events on their way out, as webhooks and streams.
