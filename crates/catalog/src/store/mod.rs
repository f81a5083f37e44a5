//! The tables of the catalogue.

pub(crate) mod modules;
pub(crate) mod permissions;
pub(crate) mod standings;
