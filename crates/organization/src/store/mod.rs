//! The tables of this context.

pub(crate) mod organizations;
