//! The storage layer's behaviour, on both engines.
//!
//! One small context (`notes`) stands in for the real ones; every test has a database of its own. What a test says is a promise of
//! `docs/architecture.md`, sections 2, 3 and 5.
#![cfg(test)]

mod proxy;
mod support;

mod backups;
mod connections;
mod deferred;
mod disconnects;
mod feed;
mod group;
mod idempotency;
mod lists;
mod migrations;
mod statements;
mod tenancy;
mod tls;
mod transfers;
mod unit;
