//! The tables of this context.

pub(crate) mod jobs;
pub(crate) mod organizations;
