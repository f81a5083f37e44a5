//! Measures `lastro serve` against the *limit* server (`bench/limit`), in one run on one machine.
//!
//! The order of a run ([`run`]): a private PostgreSQL is started in a temporary folder ([`postgres`]), a database is migrated and filled by the
//! server under test, and then *turns* follow: each turn clones that database, starts one server on the clone ([`subject`]), checks that its
//! answers equal the other's, drives every scenario with `wrk` ([`load`]), reads the cost from `/proc` ([`proc`]) and stops the server. Turns
//! alternate between the two servers, so that whatever the machine does beside touches both. [`report`] writes what came out.
//!
//! Every process started here ends with the harness, also when the harness is killed ([`process`]). The library part exists for the
//! micro-benchmarks, which use the same private PostgreSQL.

mod client;
pub mod load;
pub mod machine;
pub mod micro;
pub mod postgres;
pub mod proc;
pub mod process;
pub mod report;
pub mod run;
pub mod stats;
pub mod subject;
pub mod workspace;
