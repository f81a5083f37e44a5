//! Decisions: the snapshots of the organizations in use, what reads them, and what judges by them.

mod control;
mod judge;
mod reader;
mod service;

pub(crate) use judge::offers_of_role;
pub(crate) use service::Access;
