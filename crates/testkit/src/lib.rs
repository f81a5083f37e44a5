//! What tests are made with.
//!
//! - [`sqlite`] and [`postgres`]: a database per test on each engine, cloned from a template that is migrated once.
//! - [`engines`]: which engines a run used, told at its end.

pub mod engines;
mod harness;
pub mod postgres;
pub mod sqlite;

pub use harness::HarnessError;
