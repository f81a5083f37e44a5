//! The tables of the catalogue.

pub(crate) mod modules;
pub(crate) mod packages;
pub(crate) mod permissions;
pub(crate) mod rollouts;
pub(crate) mod seeds;
pub(crate) mod standings;
