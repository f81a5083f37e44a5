//! Measures `lastro serve` against the *limit* server (`bench/limit`), in one run on one machine.
//!
//! The order of a run ([`run`]): a private PostgreSQL is started in a temporary folder ([`postgres`]), a database is migrated by the server under
//! test and filled ([`fill`]), and then *turns* follow ([`turn`]): each turn clones that database, starts one server on the clone ([`subject`]),
//! checks that its answers equal the other's, drives every scenario ([`scenario`]) with `wrk` ([`load`]) or by itself ([`drive`]), reads the cost
//! from `/proc` ([`proc`]) and stops the server. Turns alternate between the two servers, so that whatever the machine does beside touches both.
//! What has a bound of its own is held against that: logins against the hashes that the cores can do ([`ceiling`]).
//!
//! [`results`] keeps what came out beside what earlier runs left, [`report`] writes it for people, with plots. What is measured beside the
//! servers' routes has a frame of its own ([`workload`], [`workloads`]).
//!
//! Every process started here ends with the harness, also when the harness is killed ([`process`]). The library part exists for the
//! micro-benchmarks, which use the same private PostgreSQL.

mod asked;
pub mod ceiling;
mod chance;
pub mod client;
pub mod drive;
pub mod engine;
pub mod fill;
pub mod load;
pub mod machine;
pub mod micro;
pub mod postgres;
pub mod prepared;
pub mod proc;
pub mod process;
pub mod report;
pub mod results;
pub mod run;
pub mod scenario;
pub mod site;
pub mod stats;
pub mod subject;
pub mod turn;
pub mod workload;
pub mod workloads;
pub mod workspace;
pub mod wrk;
