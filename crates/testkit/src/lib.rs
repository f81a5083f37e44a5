//! What tests are made with.
//!
//! - [`sqlite`] and [`postgres`]: a database per test on each engine, cloned from a template that is migrated once.
//! - [`TestApp`]: the real router over such a database, with a clock that stands still; [`behaviours!`] runs a test on both engines.
//! - [`mod@conformance`]: the tests that every context gets for free.
//! - [`engines`]: which engines a run used, told at its end.

mod app;
mod client;
pub mod conformance;
pub mod engines;
mod harness;
mod hooks;
mod mails;
mod people;
pub mod postgres;
pub mod sqlite;

pub use app::{BEGINNING, Member, TestApp, migrations};
pub use client::{Call, Client, Reply};
pub use db::Engine;
pub use harness::HarnessError;
pub use hooks::{Hook, Hooks, Reaction};
pub use mails::Mails;
