//! The table that this context reads.

pub(crate) mod entries;
