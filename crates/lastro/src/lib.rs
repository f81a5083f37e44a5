//! The binary's parts and the place where every other crate is wired together.

pub mod config;
pub mod telemetry;
